import type { Interval } from "../../shared/contracts/incidents.ts";

/**
 * A clock that stands still in some intervals: outages, incidents, maintenance windows. Silence is measured by it,
 * so that what nobody could have reported is nobody's silence.
 */
export class FeedClock {
  private readonly intervals: readonly Interval[];
  /** Time stood still before the end of each interval. */
  private readonly still: readonly number[];

  /** @param intervals in any order; they may overlap */
  constructor(intervals: readonly Interval[]) {
    this.intervals = union(intervals);
    let sum = 0;
    this.still = this.intervals.map(({ fromMs, toMs }) => {
      sum += toMs - fromMs;
      return sum;
    });
  }

  /** Milliseconds from `fromMs` to `toMs` that this clock goes; negative where `toMs` is earlier. */
  between(fromMs: number, toMs: number): number {
    if (this.intervals.length === 0) return toMs - fromMs;
    return toMs - fromMs - (this.stillUntil(toMs) - this.stillUntil(fromMs));
  }

  private stillUntil(timeMs: number): number {
    let low = 0; // intervals that ended by then
    let high = this.intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.intervals[middle]!.toMs <= timeMs) low = middle + 1;
      else high = middle;
    }
    const before = low === 0 ? 0 : this.still[low - 1]!;
    const current = this.intervals[low];
    return before + (current === undefined ? 0 : Math.max(0, timeMs - current.fromMs));
  }
}

/** The same times as ascending, disjoint intervals; empty and reversed ones have none. */
export function union(intervals: readonly Interval[]): Interval[] {
  const joined: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of intervals.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (!(toMs > fromMs)) continue;
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else joined.push({ fromMs, toMs });
  }
  return joined;
}
