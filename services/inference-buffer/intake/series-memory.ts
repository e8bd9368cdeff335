import type { Observation } from "../../../shared/contracts/telemetry.ts";
import { timeMs } from "../../../shared/history/time.ts";

const FIRST_CAPACITY = 64;

/** Of one metric, by the entity's place. NaN: none. */
interface Column {
  last: Float64Array;
  /** Time of `last`: the metrics of one time may come in records of their own. */
  at: Float64Array;
  /** A value that was refused, until one is taken. */
  suspect: Float64Array;
}

/** What an entity did last. */
export interface Remembered {
  readonly newestMs: number;
  value(metric: string): number | undefined;
  suspect(metric: string): number | undefined;
}

/**
 * The newest observation of each entity of one series, for the rules of its contract that look back. Columns of
 * numbers, since there may be a million entities: 8 bytes for the time and 16 for each metric of each.
 */
export class SeriesMemory {
  private readonly places = new Map<string, number>();
  private readonly columns: ReadonlyMap<string, Column>;
  private times = new Float64Array(FIRST_CAPACITY);

  /** @param metrics that are remembered: those the contract names */
  constructor(metrics: Iterable<string>) {
    this.columns = new Map(
      [...metrics].map((metric) => [
        metric,
        { last: nothing(FIRST_CAPACITY), at: nothing(FIRST_CAPACITY), suspect: nothing(FIRST_CAPACITY) },
      ]),
    );
  }

  /** Distinct entities; observations without one count as one. */
  get entities(): number {
    return this.places.size;
  }

  of(entity: string | undefined): Remembered | undefined {
    const place = this.places.get(entity ?? "");
    if (place === undefined) return undefined;
    const at = (which: "last" | "suspect") => (metric: string) => {
      const value = this.columns.get(metric)?.[which][place];
      return value === undefined || Number.isNaN(value) ? undefined : value;
    };
    return { newestMs: this.times[place]!, value: at("last"), suspect: at("suspect") };
  }

  /** Whether an observation repeats its entity's newest one: every value known, of the same time, and the same. */
  repeats({ ts, entity, values }: Observation): boolean {
    const place = this.places.get(entity ?? "");
    const at = timeMs(ts);
    if (place === undefined || this.times[place] !== at) return false;
    for (const metric in values) {
      const column = this.columns.get(metric);
      if (column?.at[place] !== at || column.last[place] !== values[metric]) return false;
    }
    return true;
  }

  /** Takes in an observation that was accepted. Older ones than the newest change nothing. */
  accept({ ts, entity, values }: Observation): void {
    const at = timeMs(ts);
    const place = this.placeOf(entity ?? "");
    if (at < this.times[place]!) return;
    this.times[place] = at;
    for (const metric in values) {
      const column = this.columns.get(metric);
      if (column === undefined) continue;
      column.last[place] = values[metric]!;
      column.at[place] = at;
      column.suspect[place] = Number.NaN;
    }
  }

  /** Notes the values of an observation that was refused: a jump that comes again is a new level. */
  suspect({ ts, entity, values }: Observation): void {
    const place = this.places.get(entity ?? "");
    if (place === undefined || timeMs(ts) < this.times[place]!) return;
    for (const metric in values) {
      const column = this.columns.get(metric);
      if (column !== undefined) column.suspect[place] = values[metric]!;
    }
  }

  private placeOf(entity: string): number {
    const known = this.places.get(entity);
    if (known !== undefined) return known;
    const place = this.places.size;
    this.places.set(entity, place);
    if (place === this.times.length) this.grow();
    this.times[place] = Number.NEGATIVE_INFINITY;
    return place;
  }

  private grow(): void {
    const capacity = this.times.length * 2;
    this.times = grown(this.times, capacity);
    for (const column of this.columns.values()) {
      column.last = grown(column.last, capacity);
      column.at = grown(column.at, capacity);
      column.suspect = grown(column.suspect, capacity);
    }
  }
}

function nothing(length: number): Float64Array<ArrayBuffer> {
  return new Float64Array(length).fill(Number.NaN);
}

function grown(from: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const to = nothing(length);
  to.set(from);
  return to;
}
