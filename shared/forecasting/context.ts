import { durationMs } from "../contracts/duration.ts";
import type { ForecasterSpec } from "../contracts/spec.ts";

/** Observations in ascending order of time (ms since the epoch), one a time. */
export interface Points {
  readonly times: readonly number[];
  readonly values: readonly number[];
}

export type Grid = Pick<ForecasterSpec, "step" | "calendar">;

/**
 * The last `length` steps up to the observation at `endMs`, on the grid that `addSteps` continues.
 *
 * The grid runs back from `endMs` in steps, without Saturdays and Sundays on a weekday calendar. A step holds the
 * newest observation less than half a step away from it, and NaN where there is none. Steps before the first
 * observation are left out, so the result may be shorter than `length`.
 *
 * @param points may reach beyond `endMs`; what is later is not looked at
 * @returns [steps], oldest first; empty when there is no observation at or before `endMs`
 */
export function contextAt(points: Points, endMs: number, length: number, grid: Grid): Float32Array {
  const { times, values } = points;
  const half = durationMs(grid.step) / 2;
  const context = new Float32Array(length).fill(Number.NaN);
  let at = upperBound(times, endMs) - 1;
  let first = length;
  let stepMs = endMs;
  for (let i = length - 1; i >= 0 && at >= 0; i -= 1) {
    while (at >= 0 && times[at]! > stepMs + half) at -= 1;
    if (at >= 0 && times[at]! > stepMs - half) {
      context[i] = values[at]!;
      first = i;
      while (at >= 0 && times[at]! > stepMs - half) at -= 1;
    }
    stepMs = stepBefore(stepMs, grid);
  }
  return context.slice(first);
}

/** The step before one of the grid. */
function stepBefore(stepMs: number, { step, calendar }: Grid): number {
  let before = stepMs - durationMs(step);
  while (calendar === "weekdays" && isWeekend(before)) before -= durationMs(step);
  return before;
}

/** Saturday or Sunday, UTC. */
export function isWeekend(atMs: number): boolean {
  const day = new Date(atMs).getUTCDay();
  return day === 0 || day === 6;
}

/** Number of leading elements that are at most `limit`, in an ascending list. */
export function upperBound(ascending: ArrayLike<number>, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
