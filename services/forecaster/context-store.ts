import { contextAt, type Grid, upperBound } from "../../shared/forecasting/context.ts";

/** The longest context a live config may ask for, in steps. */
const CAPACITY = 8192;

/**
 * The newest observations of one member of a series, in order of time whatever order they came in. A later
 * arrival of a time that is known replaces its value. Holds at least the newest 8192.
 */
export class ContextStore {
  readonly times: number[] = [];
  readonly values: number[] = [];
  private changes = 0;

  /** Time of the newest observation, ms since the epoch. */
  get newest(): number | undefined {
    return this.times.at(-1);
  }

  get size(): number {
    return this.times.length;
  }

  /** Grows with every change: what was computed at one version holds until the next. */
  get version(): number {
    return this.changes;
  }

  /** Takes an observation in; true when it is newer than every one before. */
  add(ms: number, value: number): boolean {
    const at = upperBound(this.times, ms);
    const newer = at === this.times.length && this.times.at(-1) !== ms;
    if (newer) {
      this.times.push(ms);
      this.values.push(value);
    } else if (this.times[at - 1] === ms) {
      if (this.values[at - 1] === value) return false;
      this.values[at - 1] = value;
    } else {
      this.times.splice(at, 0, ms);
      this.values.splice(at, 0, value);
    }
    this.changes += 1;
    this.trim();
    return newer;
  }

  /** Takes history in, oldest first: what is known already stays, for it arrived later. */
  addHistory(times: ArrayLike<number>, values: ArrayLike<number>): void {
    for (let i = Math.max(0, times.length - CAPACITY); i < times.length; i += 1) {
      const known = this.times[upperBound(this.times, times[i]!) - 1] === times[i];
      if (!known && Number.isFinite(values[i])) this.add(times[i]!, values[i]!);
    }
  }

  /** See `contextAt`. */
  context(endMs: number, length: number, grid: Grid): Float32Array {
    return contextAt(this, endMs, length, grid);
  }

  private trim(): void {
    const surplus = this.times.length - CAPACITY;
    if (surplus < CAPACITY / 4) return;
    this.times.splice(0, surplus);
    this.values.splice(0, surplus);
  }
}
