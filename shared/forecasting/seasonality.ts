import { normalQuantile } from "./normal.ts";

/** One-sided 5 % point of the standard normal law. */
const SIGNIFICANT = 1.645;
/** Chance that detection, over all candidates, sees a season in noise. */
const FALSE_ALARM = 0.05;
/** Seasons that are looked at: more would let a long gone pattern speak. */
const MAX_SEASONS = 11;
/** Seasons that must be there before a pattern may be called one. */
const MIN_SEASONS = 3;

/** Common periods of data sampled every minute up to once a month. */
export const SEASON_CANDIDATES: readonly number[] = [
  4, 5, 7, 12, 24, 30, 48, 52, 60, 96, 144, 168, 288, 336, 365,
];

export interface Deseasonalised {
  /** the series without its season; as it came where no season was found */
  readonly values: Float64Array;
  /** what to add to the step `h` ahead (1 is the first) */
  readonly seasonAt: (h: number) => number;
  /** the season length that was taken out, 1 for none */
  readonly seasonLength: number;
}

/**
 * Takes an additive season of length m out of a series, by classical decomposition of its last min(n, 11 m) points:
 * trend = centred moving average of length m, season = mean of (value − trend) per phase, shifted to sum to zero.
 * That season is subtracted from the whole series.
 *
 * A season is there when the autocorrelations r_k of these points satisfy
 *
 *     r_m > 1.645 · √((1 + 2 Σ_{k<m} r_k²) / n)
 *
 * and at least 3 m points exist; otherwise the series comes back unchanged. NaN is a missing value and stays one.
 *
 * @param seasonLength m in steps; 1 is none
 *
 * Sources: Bartlett, "On the theoretical specification of sampling properties of autocorrelated time series" (1946)
 * for the bound; Assimakopoulos & Nikolopoulos, "The theta model" (2000) for its use.
 */
export function deseasonalise(series: ArrayLike<number>, seasonLength: number): Deseasonalised {
  const all = Float64Array.from(series);
  const unchanged: Deseasonalised = { values: all, seasonAt: () => 0, seasonLength: 1 };
  if (seasonLength < 2 || all.length < MIN_SEASONS * seasonLength) return unchanged;
  const recent = all.slice(-MAX_SEASONS * seasonLength);
  if (!isSeasonal(recent, seasonLength, SIGNIFICANT)) return unchanged;

  const profile = seasonalProfile(recent, seasonLength);
  const start = all.length - recent.length;
  // Where more than 11 seasons exist `start` need not be a whole number of them.
  const seasonOf = (t: number) => profile[(((t - start) % seasonLength) + seasonLength) % seasonLength]!;
  return {
    values: all.map((value, t) => value - seasonOf(t)),
    seasonAt: (h) => seasonOf(all.length + h - 1),
    seasonLength,
  };
}

/**
 * The candidate that repeats best, 1 if none does. Each candidate m is tested on the last min(n, 11 m) points less
 * their moving average of length m, so that a trend or a random walk is no season, at 5 % for all candidates together
 * (Bonferroni). Of those whose r_m come within 0.05 of the best, the shortest wins, since multiples of a period repeat
 * as well as the period itself.
 */
export function detectSeasonLength(
  series: ArrayLike<number>,
  candidates: readonly number[] = SEASON_CANDIDATES,
): number {
  const all = Float64Array.from(series);
  const significant = normalQuantile(1 - FALSE_ALARM / candidates.length);
  const found: { length: number; correlation: number }[] = [];
  for (const length of candidates) {
    if (length < 2 || all.length < MIN_SEASONS * length) continue;
    const values = all.slice(-MAX_SEASONS * length);
    const trend = movingAverage(values, length);
    const residual = values.map((value, t) => value - trend[t]!);
    if (isSeasonal(residual, length, significant))
      found.push({ length, correlation: autocorrelations(residual, length)[length]! });
  }
  const best = Math.max(...found.map(({ correlation }) => correlation));
  const close = found.filter(({ correlation }) => correlation >= best - 0.05).map(({ length }) => length);
  return close.length === 0 ? 1 : Math.min(...close);
}

function isSeasonal(values: Float64Array, m: number, significant: number): boolean {
  const r = autocorrelations(values, m);
  let squares = 0;
  for (let k = 1; k < m; k += 1) squares += r[k]! ** 2;
  const observed = values.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
  return r[m]! > significant * Math.sqrt((1 + 2 * squares) / observed);
}

/** r_0 … r_maxLag; pairs with a missing value are left out. All zero for a constant series. */
function autocorrelations(values: Float64Array, maxLag: number): Float64Array {
  const observed = values.filter((value) => !Number.isNaN(value));
  const mean = observed.reduce((sum, value) => sum + value, 0) / observed.length;
  const result = new Float64Array(maxLag + 1);
  let variance = 0;
  for (const value of observed) variance += (value - mean) ** 2;
  if (!(variance > 0)) return result;
  for (let k = 0; k <= maxLag; k += 1) {
    let sum = 0;
    for (let t = k; t < values.length; t += 1) {
      const product = (values[t]! - mean) * (values[t - k]! - mean);
      if (!Number.isNaN(product)) sum += product;
    }
    result[k] = sum / variance;
  }
  return result;
}

/** Centred moving average over one season (half weights at both ends of an even one); NaN where it does not fit. */
function movingAverage(values: Float64Array, m: number): Float64Array {
  const half = Math.floor(m / 2);
  const edge = m % 2 === 0 ? 0.5 : 1;
  return values.map((_, t) => {
    if (t < half || t + half >= values.length) return Number.NaN;
    let sum = 0;
    let weights = 0;
    for (let k = -half; k <= half; k += 1) {
      const value = values[t + k]!;
      if (Number.isNaN(value)) continue;
      const weight = Math.abs(k) === half ? edge : 1;
      sum += weight * value;
      weights += weight;
    }
    return weights > 0 ? sum / weights : Number.NaN;
  });
}

function seasonalProfile(values: Float64Array, m: number): Float64Array {
  const trend = movingAverage(values, m);
  const sums = new Float64Array(m);
  const counts = new Float64Array(m);
  values.forEach((value, t) => {
    const deviation = value - trend[t]!;
    if (Number.isNaN(deviation)) return;
    sums[t % m]! += deviation;
    counts[t % m]! += 1;
  });
  const profile = sums.map((sum, phase) => (counts[phase]! > 0 ? sum / counts[phase]! : 0));
  const mean = profile.reduce((sum, value) => sum + value, 0) / m;
  return profile.map((value) => value - mean);
}
