import { type Cutoff, seasonChange, seasonMean } from "../tabular/series-features.ts";

/**
 * What a target is measured from: trees learn steps, so the plain part of a forecast is taken off first.
 *
 * `last`: the last value. `mean`: the mean of the past. `season`: the mean of the same phase of up to four seasons.
 * `change`: the last value and the mean change to that phase in up to four seasons, which is season and trend. Without
 * a season the last two are the last value.
 */
export const REFERENCES = ["last", "mean", "season", "change"] as const;
export type Reference = (typeof REFERENCES)[number];

/** The reference of a step ahead, unit of the series. */
export function referenceOf(
  reference: Reference,
  { past, level }: Cutoff,
  seasonLength: number,
  step: number,
): number {
  if (reference === "mean") return meanObserved(past) ?? level;
  if (reference === "last" || seasonLength < 2) return level;
  const value =
    reference === "season"
      ? seasonMean(past, seasonLength, step)
      : level + seasonChange(past, seasonLength, step);
  return Number.isNaN(value) ? level : value;
}

/** Rows whose errors a step's scale is the mean of, if there are as many. */
const ENOUGH = 200;

/**
 * How far targets are from their reference at each step ahead, in scales of their cutoffs: the mean of |error| over the
 * rows of the step and as many steps around it as it takes to have 200. One for all where errors are all 0.
 *
 * @param steps  [rows], from 1
 * @param errors [rows], target − reference, in scales
 * @returns [horizon], above 0
 */
export function stepScales(horizon: number, steps: Int32Array, errors: Float64Array): Float64Array {
  const sums = new Float64Array(horizon);
  const counts = new Float64Array(horizon);
  steps.forEach((step, row) => {
    sums[step - 1]! += Math.abs(errors[row]!);
    counts[step - 1]! += 1;
  });
  return Float64Array.from({ length: horizon }, (_, h) => {
    let [sum, count] = [sums[h]!, counts[h]!];
    for (let away = 1; count < ENOUGH && away < horizon; away += 1) {
      sum += (sums[h - away] ?? 0) + (sums[h + away] ?? 0);
      count += (counts[h - away] ?? 0) + (counts[h + away] ?? 0);
    }
    return sum > 0 ? sum / count : 1;
  });
}

function meanObserved(values: Float32Array): number | undefined {
  let sum = 0;
  let observed = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    observed += 1;
  }
  return observed > 0 ? sum / observed : undefined;
}
