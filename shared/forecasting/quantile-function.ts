import { normalQuantile } from "./normal.ts";

/** Inverse CDF through one step's quantiles; see `quantileFunction`. */
export type QuantileFunction = (p: number) => number;

/**
 * Extends predicted quantiles to every probability p in (0, 1).
 *
 * Between two levels: linear. Outside, a Gaussian tail through the median and the edge quantile:
 *
 *     q(p) = q50 + (q_edge − q50) · Φ⁻¹(p) / Φ⁻¹(p_edge)
 *
 * so a Gaussian law's quantiles give its tails back exactly.
 *
 * @param levels ascending, with some below and some above one half
 * @param values one per level, ascending, unit of the series
 */
export function quantileFunction(levels: readonly number[], values: ArrayLike<number>): QuantileFunction {
  const last = levels.length - 1;
  const lowest = levels[0]!;
  const highest = levels[last]!;
  const median = between(levels, values, 0.5);
  const lowSlope = (values[0]! - median) / normalQuantile(lowest);
  const highSlope = (values[last]! - median) / normalQuantile(highest);
  return (p) => {
    if (p < lowest) return median + lowSlope * normalQuantile(p);
    if (p > highest) return median + highSlope * normalQuantile(p);
    return between(levels, values, p);
  };
}

/** The median of one step's quantiles, interpolated where one half is no level. */
export function medianOf(levels: readonly number[], values: ArrayLike<number>): number {
  return between(levels, values, 0.5);
}

function between(levels: readonly number[], values: ArrayLike<number>, p: number): number {
  let right = 1;
  while (right < levels.length - 1 && levels[right]! < p) right += 1;
  const left = levels[right - 1]!;
  const share = (p - left) / (levels[right]! - left);
  return values[right - 1]! + share * (values[right]! - values[right - 1]!);
}
