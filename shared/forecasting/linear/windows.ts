import { InvalidInputError } from "../../errors.ts";
import type { TrainingSeries } from "../family.ts";
import { interpolate } from "../interpolate.ts";

/** Steps a longest series must have. */
const MIN_LENGTH = 24;
/** Closed-form weights cost the square of the window's length a row, and its cube once. */
const MAX_CONTEXT = 512;
const MAX_ROWS = 8192;
/** Share of the windows, the latest, that intervals are measured on. */
const HELD_OUT = 0.2;

/** Which windows of which series a linear model is fitted to and which it is measured on. */
export interface WindowPlan {
  /** steps */
  readonly contextLength: number;
  /** steps predicted at once */
  readonly block: number;
  /** interpolated, without what is missing in front */
  readonly series: readonly Float64Array[];
  /** as `series`: 1 where the value was observed, 0 where it was interpolated */
  readonly observed: readonly Uint8Array[];
  readonly fitted: readonly Window[];
  /** windows between the two sets would know targets of both, and are left out */
  readonly heldOut: readonly Window[];
  /** every window, for the fit that is kept */
  readonly all: readonly Window[];
}

export interface Window {
  /** index into `series` */
  readonly series: number;
  /** index of the window's last step */
  readonly cutoff: number;
}

/**
 * Plans training in order of time: the latest fifth of the windows is held out, and a window is fitted only if its
 * targets end before the first of those. Series are aligned by their ends. Of a fleet with more than 8,192 windows
 * every k-th is taken.
 *
 * The window is at most a quarter of the longest series and 512 steps, the block at most a sixth of that series.
 *
 * @throws {InvalidInputError} when the longest series has fewer than 24 steps
 */
export function planWindows(
  training: readonly TrainingSeries[],
  contextLength: number,
  horizon: number,
): WindowPlan {
  const series = training.map(({ values }) => interpolate(values));
  const longest = Math.max(0, ...series.map((values) => values.length));
  if (longest < MIN_LENGTH) {
    throw new InvalidInputError(
      `the longest series has ${longest} steps from its first value on, family 'linear' needs at least ${MIN_LENGTH} to train on`,
    );
  }
  const length = Math.min(contextLength, MAX_CONTEXT, Math.floor(longest / 4));
  const block = Math.min(horizon, Math.floor(longest / 6));
  const heldOutSteps = Math.ceil(HELD_OUT * (longest - length - block + 1));
  const windows = series.flatMap((values, s) => {
    const count = Math.max(0, values.length - length - block + 1);
    return Array.from({ length: count }, (_, i) => ({ series: s, cutoff: length - 1 + i }));
  });
  const stride = Math.ceil(windows.length / MAX_ROWS);
  const all = windows.filter((_, i) => i % stride === 0);
  /** 0 for the last window of a series */
  const age = ({ series: s, cutoff }: Window) => series[s]!.length - 1 - block - cutoff;
  return {
    contextLength: length,
    block,
    series,
    observed: training.map(({ values }, s) => observedOf(values, series[s]!.length)),
    fitted: all.filter((window) => age(window) >= heldOutSteps + block),
    heldOut: all.filter((window) => age(window) < heldOutSteps),
    all,
  };
}

/** Of the last `length` values. */
function observedOf(values: Float64Array, length: number): Uint8Array {
  return Uint8Array.from(values.subarray(values.length - length), (value) => Number(!Number.isNaN(value)));
}
