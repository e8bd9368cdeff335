import { InvalidInputError } from "../errors.ts";
import type { DrawSpec, DrawSummary, QuantileForecast, SeriesForecast } from "./quantile-forecast.ts";
import { medianOf, quantileFunction } from "./quantile-function.ts";
import { randomKey, uniformAt } from "./random.ts";

export const LOWER_LEVEL = 0.025;
export const UPPER_LEVEL = 0.975;

/**
 * Draws from one step's law by inverse CDF. The i-th draw depends on (seed, step, i) alone: fewer draws are a
 * prefix of more, and every temperature and every model sees the same probabilities.
 *
 * @param values quantiles of this step at temperature 1, one per level
 * @param step   1 for the first step ahead
 */
export function drawStep(
  levels: readonly number[],
  values: ArrayLike<number>,
  seed: number,
  step: number,
  count: number,
): Float64Array {
  const quantile = quantileFunction(levels, values);
  const key = randomKey(seed, step);
  const draws = new Float64Array(count);
  for (let i = 0; i < count; i += 1) draws[i] = quantile(uniformAt(key, i));
  return draws;
}

export type { DrawSummary } from "./quantile-forecast.ts";

/**
 * Turns predicted quantiles into a forecast: per step the mean of `num_samples` draws and their empirical 2.5 % and
 * 97.5 % quantiles (linear interpolation). A draw x at temperature 1 becomes q50 + temperature · (x − q50).
 *
 * @throws {InvalidInputError} for `num_samples` below 1, a `temperature` not above 0, a `seed` that is no integer
 */
export function drawForecast(forecast: QuantileForecast, spec: DrawSpec): SeriesForecast {
  return temper(forecast, summariseDraws(forecast, spec), spec.temperature);
}

/** The first half of `drawForecast`, which does not depend on the temperature. */
export function summariseDraws(
  forecast: QuantileForecast,
  spec: Pick<DrawSpec, "num_samples" | "seed">,
): DrawSummary {
  const { num_samples, seed } = spec;
  checkDraws(spec);
  return summarise(forecast, (values, step) => {
    const draws = drawStep(forecast.levels, values, seed, step, num_samples).sort();
    const lower = empiricalQuantile(draws, LOWER_LEVEL);
    return { mean: meanOf(draws), lower, upper: empiricalQuantile(draws, UPPER_LEVEL) };
  });
}

/** As `summariseDraws`, but the median itself and the exact interval instead of draws. */
export function summariseExactly(forecast: QuantileForecast): DrawSummary {
  return summarise(forecast, (values) => {
    const quantile = quantileFunction(forecast.levels, values);
    return { mean: quantile(0.5), lower: quantile(LOWER_LEVEL), upper: quantile(UPPER_LEVEL) };
  });
}

/**
 * The second half of `drawForecast`: spreads a summary and its quantiles about the medians. Scaling every draw would
 * give the same, since mean and quantiles follow an increasing linear map.
 *
 * @throws {InvalidInputError} for a `temperature` not above 0
 */
export function temper(
  forecast: QuantileForecast,
  summary: DrawSummary,
  temperature: number,
): SeriesForecast {
  checkTemperature(temperature);
  const { levels, horizon } = forecast;
  const rows = Array.from({ length: horizon }, (_, h) => stepValues(forecast, h));
  const medians = rows.map((row) => medianOf(levels, row));
  const about = (median: number) => (x: number) => median + temperature * (x - median);
  return {
    mean: summary.mean.map((x, h) => about(medians[h]!)(x)),
    lower: summary.lower.map((x, h) => about(medians[h]!)(x)),
    upper: summary.upper.map((x, h) => about(medians[h]!)(x)),
    levels,
    quantiles: rows.map((row, h) => row.map(about(medians[h]!))),
  };
}

function summarise(
  forecast: QuantileForecast,
  summaryOf: (values: Float64Array, step: number) => Record<keyof DrawSummary, number>,
): DrawSummary {
  const { horizon } = forecast;
  const mean = new Float64Array(horizon);
  const lower = new Float64Array(horizon);
  const upper = new Float64Array(horizon);
  for (let h = 0; h < horizon; h += 1) {
    const summary = summaryOf(stepValues(forecast, h), h + 1);
    mean[h] = summary.mean;
    lower[h] = summary.lower;
    upper[h] = summary.upper;
  }
  return { mean, lower, upper };
}

function stepValues({ levels, values }: QuantileForecast, h: number): Float64Array {
  return values.subarray(h * levels.length, (h + 1) * levels.length);
}

/** Quantile of ascending values at position p · (n − 1), linear between neighbours. */
export function empiricalQuantile(sorted: ArrayLike<number>, p: number): number {
  const position = p * (sorted.length - 1);
  const left = Math.floor(position);
  const right = Math.min(left + 1, sorted.length - 1);
  return sorted[left]! + (position - left) * (sorted[right]! - sorted[left]!);
}

function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** @throws {InvalidInputError} for `num_samples` below 1, a `seed` that is no integer */
export function checkDraws({ num_samples, seed }: Pick<DrawSpec, "num_samples" | "seed">): void {
  if (!Number.isInteger(num_samples) || num_samples < 1) {
    throw new InvalidInputError(`num_samples is ${num_samples}, expected an integer of at least 1`);
  }
  if (!Number.isSafeInteger(seed)) throw new InvalidInputError(`seed is ${seed}, expected an integer`);
}

/** @throws {InvalidInputError} for a `temperature` not above 0 */
export function checkTemperature(temperature: number): void {
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new InvalidInputError(`temperature is ${temperature}, expected a number above 0`);
  }
}
