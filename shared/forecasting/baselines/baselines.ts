import { gaussianLaw } from "../gaussian-law.ts";
import type { QuantileForecast } from "../quantile-forecast.ts";

/**
 * Seasonal naive: the step h ahead repeats the newest value of its phase. Its law is Gaussian with
 *
 *     sd(h) = sqrt(mean (x_t − x_{t−m})²) · sqrt(ceil(h / m))
 *
 * A phase without an observed value takes the last observed value; without any pair of values the spread is 0.
 *
 * @param context      oldest step first, NaN for missing, at least one value
 * @param seasonLength m in steps; 1 gives the last-value forecast
 */
export function seasonalNaive(
  context: ArrayLike<number>,
  horizon: number,
  seasonLength: number,
): QuantileForecast {
  const m = Math.max(1, seasonLength);
  const spread = differenceSpread(context, m);
  const means = Float64Array.from({ length: horizon }, (_, h) => newestOfPhase(context, h + 1, m));
  const sds = means.map((_, h) => spread * Math.sqrt(Math.ceil((h + 1) / m)));
  return gaussianLaw(means, sds);
}

/** Last value: every step repeats the newest observed value; sd(h) grows with sqrt(h) as a random walk's does. */
export function lastValue(context: ArrayLike<number>, horizon: number): QuantileForecast {
  return seasonalNaive(context, horizon, 1);
}

function newestOfPhase(context: ArrayLike<number>, h: number, m: number): number {
  const phase = (context.length + h - 1) % m;
  let fallback = Number.NaN;
  for (let t = context.length - 1; t >= 0; t -= 1) {
    const value = context[t]!;
    if (Number.isNaN(value)) continue;
    if (t % m === phase) return value;
    if (Number.isNaN(fallback)) fallback = value;
  }
  return fallback;
}

function differenceSpread(context: ArrayLike<number>, m: number): number {
  let squares = 0;
  let pairs = 0;
  for (let t = m; t < context.length; t += 1) {
    const difference = context[t]! - context[t - m]!;
    if (Number.isNaN(difference)) continue;
    squares += difference ** 2;
    pairs += 1;
  }
  return pairs > 0 ? Math.sqrt(squares / pairs) : 0;
}
