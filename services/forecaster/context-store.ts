import { contextAt, type Grid, upperBound } from "../../shared/forecasting/context.ts";

/** The longest context a live config may ask for, in steps. */
export const LONGEST_CONTEXT = 8192;

/**
 * The newest observations of one member of a series, in order of time whatever order they came in. A later
 * arrival of a time that is known replaces its value. Holds at least the newest 8192, or as many as `limit` says.
 */
export class ContextStore {
  times: number[] = [];
  values: number[] = [];
  private capacity: number;
  private changes = 0;

  constructor(capacity = LONGEST_CONTEXT) {
    this.capacity = capacity;
  }

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
    if (this.size >= this.capacity * 1.25) this.limit(this.capacity);
    return newer;
  }

  /** Takes history in, oldest first: what is known already stays, for it arrived later. Infinite values are left out. */
  addHistory(times: ArrayLike<number>, values: ArrayLike<number>): void {
    const merged: { times: number[]; values: number[] } = { times: [], values: [] };
    const push = (time: number, value: number) => {
      merged.times.push(time);
      merged.values.push(value);
    };
    let own = 0;
    for (let i = Math.max(0, times.length - this.capacity); i < times.length; i += 1) {
      if (!Number.isFinite(values[i])) continue;
      for (; own < this.size && this.times[own]! < times[i]!; own += 1)
        push(this.times[own]!, this.values[own]!);
      if (this.times[own] !== times[i]) push(times[i]!, values[i]!);
    }
    for (; own < this.size; own += 1) push(this.times[own]!, this.values[own]!);
    this.times = merged.times;
    this.values = merged.values;
    this.changes += 1;
    this.limit(this.capacity);
  }

  /** Keeps the newest `capacity` from now on. */
  limit(capacity: number): void {
    this.capacity = capacity;
    const surplus = this.size - capacity;
    if (surplus <= 0) return;
    this.times = this.times.slice(surplus);
    this.values = this.values.slice(surplus);
  }

  /** See `contextAt`. */
  context(endMs: number, length: number, grid: Grid): Float32Array {
    return contextAt(this, endMs, length, grid);
  }
}
