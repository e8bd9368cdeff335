import { covariance } from "./autocorrelation.ts";

/** 5 % critical value of the test for level stationarity. */
const CRITICAL = 0.463;

/**
 * Statistic of the KPSS test, large where a series wanders instead of returning to a level:
 *
 *     η = Σ S_t² / (n² s²)      S_t = Σ_{i≤t} (x_i − x̄)      s² = γ_0 + 2 Σ_{k≤l} (1 − k / (l + 1)) γ_k
 *
 * with l = ⌊3 √n / 13⌋ and γ_k the autocovariances.
 *
 * @param values finite, oldest first
 * @returns 0 for a constant series and for fewer than two values
 *
 * Source: Kwiatkowski, Phillips, Schmidt & Shin, "Testing the null hypothesis of stationarity against the alternative
 * of a unit root", J. Econometrics 54 (1992); l as Hyndman & Khandakar, J. Statistical Software 27 (2008), use it.
 */
export function kpssStatistic(values: ArrayLike<number>): number {
  const n = values.length;
  let mean = 0;
  for (let t = 0; t < n; t += 1) mean += values[t]! / n;
  const centered = Float64Array.from(values, (value) => value - mean);
  let variance = covariance(centered, 0) / n;
  const lags = Math.floor((3 * Math.sqrt(n)) / 13);
  for (let k = 1; k <= lags; k += 1) variance += 2 * (1 - k / (lags + 1)) * (covariance(centered, k) / n);
  let partial = 0;
  let squares = 0;
  for (const value of centered) {
    partial += value;
    squares += partial ** 2;
  }
  return variance > 0 ? squares / (n ** 2 * variance) : 0;
}

/** Whether a series is to be differenced: at 5 % it does not return to a level. */
export function wanders(values: ArrayLike<number>): boolean {
  return kpssStatistic(values) > CRITICAL;
}
