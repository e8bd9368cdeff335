import type { WindowSums } from "../contracts/optimizer.ts";

/** Error measures of a set of windows. Errors are forecast − actual, in the unit of the series. */
export interface Measures {
  readonly rmse: number;
  /** percent; null where every actual is 0 */
  readonly mape: number | null;
  readonly mae: number;
  /** weighted quantile loss, Σ 2 · pinball / Σ |actual|, mean over the levels; null where every actual is 0 */
  readonly wql: number | null;
  readonly error_std: number;
  readonly mean_error: number;
  /** share of targets inside the 95 % interval */
  readonly coverage: number;
  /** targets scored */
  readonly n: number;
}

export const NO_SUMS: WindowSums = {
  ...{
    n: 0,
    error: 0,
    absolute: 0,
    squared: 0,
    relative: 0,
    relative_n: 0,
    inside: 0,
    quantile: 0,
    actual: 0,
  },
};

/** The sums of two sets of windows that have none in common. */
export function addSums(a: WindowSums, b: WindowSums): WindowSums {
  return {
    n: a.n + b.n,
    error: a.error + b.error,
    absolute: a.absolute + b.absolute,
    squared: a.squared + b.squared,
    relative: a.relative + b.relative,
    relative_n: a.relative_n + b.relative_n,
    inside: a.inside + b.inside,
    quantile: a.quantile + b.quantile,
    actual: a.actual + b.actual,
  };
}

/** What sums come to; every measure of no target is NaN ("cannot tell"), never 0 ("perfect"). */
export function measuresOf(sums: WindowSums): Measures {
  const { n, error, absolute, squared, relative, relative_n, inside, quantile, actual } = sums;
  const mean = error / n;
  return {
    rmse: Math.sqrt(squared / n),
    mape: relative_n > 0 ? (100 * relative) / relative_n : null,
    mae: absolute / n,
    wql: actual > 0 ? quantile / actual : null,
    error_std: Math.sqrt(Math.max(0, squared / n - mean ** 2)),
    mean_error: mean,
    coverage: inside / n,
    n,
  };
}
