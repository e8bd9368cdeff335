import { integratedNoise } from "./arima/integrated-noise.ts";
import { gaussianLawOf } from "./gaussian-law.ts";
import type { QuantileForecast } from "./quantile-forecast.ts";

/**
 * Law of a random walk without drift, for families whose fit is not possible or runs away.
 *
 * @param values    oldest first, finite, at least one
 * @param inflation what the variances are multiplied by, as `bridgedInflation` says
 */
export function randomWalkLaw(values: Float64Array, horizon: number, inflation: number): QuantileForecast {
  const moments = integratedNoise(values, horizon, { d: 1, D: 0, seasonLength: 1 });
  return gaussianLawOf(moments, inflation);
}
