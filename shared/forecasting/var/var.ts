import { wanders } from "../../statistics/kpss.ts";
import { gaussianLaw } from "../gaussian-law.ts";
import type { QuantileForecast } from "../quantile-forecast.ts";
import { randomWalkLaw } from "../random-walk.ts";
import { staysInReach } from "../reach.ts";
import { errorVariances, fitVar, iterate } from "./fit.ts";

export interface VarOptions {
  /** p, steps back */
  readonly lags: number;
  /** 1: of the changes from step to step; 0: of the values; auto: 1 where most series wander (KPSS test at 5 %) */
  readonly differences: number | "auto";
  /** relative to the mean square of a regressor, above 0 */
  readonly ridge: number;
}

/** Rows that each estimated number of an equation needs. */
const ROWS_PER_WEIGHT = 3;

/**
 * Vector autoregression of series that end together, an autoregression for one alone; Gaussian law with the
 * covariance of the forecast errors.
 *
 * Each equation needs three rows for each of its weights: with fewer, lags are given up down to one, then the series
 * are forecast one by one, and what is too short even for that as a random walk. So is a series whose forecast leaves
 * ten times the range of its past: a fit need not be stationary, and nothing here makes it so.
 *
 * @param series finite, oldest first, aligned by their ends; the last common stretch is fitted
 * @param inflations what each series' variances are multiplied by, as for values that were interpolated; 1 by default
 */
export function vectorAutoregression(
  series: readonly Float64Array[],
  horizon: number,
  options: VarOptions,
  inflations: readonly number[] = series.map(() => 1),
): QuantileForecast[] {
  const length = Math.min(...series.map((values) => values.length));
  const differences = differencesOf(series, options);
  const lags = affordableLags(length - differences, series.length, options.lags);
  if (lags === 0)
    return series.length > 1
      ? series.flatMap((values, s) => vectorAutoregression([values], horizon, options, [inflations[s]!]))
      : [randomWalkLaw(series[0]!, horizon, inflations[0]!)];

  const scaled = series.map((values) => standardise(values.subarray(values.length - length), differences));
  const inputs = scaled.map(({ values }) => values);
  const model = fitVar(inputs, lags, options.ridge);
  const paths = iterate(model, inputs, horizon);
  const variances = errorVariances(model, horizon, differences > 0);
  return series.map((values, s) => {
    const { restore, scale } = scaled[s]!;
    const means = restore(paths[s]!);
    const sds = variances[s]!.map((variance) => scale * Math.sqrt(variance));
    const inflation = inflations[s]!;
    if (!staysInReach(means, sds, values)) return randomWalkLaw(values, horizon, inflation);
    return gaussianLaw(
      means,
      sds.map((sd) => Math.sqrt(inflation) * sd),
    );
  });
}

function differencesOf(series: readonly Float64Array[], { differences }: VarOptions): number {
  if (differences !== "auto") return differences;
  return series.filter(wanders).length > series.length / 2 ? 1 : 0;
}

/** The most lags, up to the wanted, that leave three rows to a weight; 0 where not even one does. */
function affordableLags(length: number, k: number, wanted: number): number {
  let lags = wanted;
  while (lags > 0 && length - lags < ROWS_PER_WEIGHT * (1 + k * lags)) lags -= 1;
  return lags;
}

/** Differences, if wanted, about zero and of scale one, and the way back for what follows. */
function standardise(values: Float64Array, differences: number) {
  const used = differences > 0 ? values.subarray(1).map((value, t) => value - values[t]!) : values;
  const center = used.reduce((sum, value) => sum + value, 0) / used.length;
  const squares = used.reduce((sum, value) => sum + (value - center) ** 2, 0);
  const scale = Math.sqrt(squares / used.length) || 1;
  let level = values.at(-1)!;
  const restore = (path: Float64Array) =>
    path.map((value) => {
      const restored = center + scale * value;
      if (differences === 0) return restored;
      level += restored;
      return level;
    });
  return { values: used.map((value) => (value - center) / scale), scale, restore };
}
