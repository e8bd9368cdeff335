import { randomKey, uniformAt } from "../forecasting/random.ts";

/**
 * Ways to draw a new series from an old one that keep its dependence: whole blocks are copied. Each returns indexes
 * into the old series, so that a value, its time and its entity may travel together. The same key and arguments give
 * the same indexes on every machine; see `randomKey`.
 */

/**
 * Blocks of geometrically distributed lengths with the given mean, from anywhere in the series, which is closed to a
 * ring. The result is stationary: no border between blocks is at a fixed place.
 *
 * @param n          length of the old series, 1 or more
 * @param meanLength of a block in steps, 1 or more; 1 draws every value on its own
 * @param length     of the new series, `n` if left out
 * @throws {RangeError} when a number is out of range
 *
 * Source: Politis & Romano, "The stationary bootstrap", J. Am. Stat. Assoc. 89 (1994), section 2.
 */
export function stationaryBootstrap(n: number, meanLength: number, key: number, length = n): Int32Array {
  requireLengths(n, meanLength, length);
  const [ends, starts] = [randomKey(key, 1), randomKey(key, 2)];
  const indexes = new Int32Array(length);
  for (let t = 0; t < length; t += 1) {
    const begins = t === 0 || uniformAt(ends, t) < 1 / meanLength;
    indexes[t] = begins ? Math.floor(uniformAt(starts, t) * n) : (indexes[t - 1]! + 1) % n;
  }
  return indexes;
}

/**
 * Blocks of one length, from anywhere in the series, which is closed to a ring so that all values are drawn equally
 * often.
 *
 * @param blockLength in steps, a whole number
 * @throws {RangeError} when a number is out of range
 *
 * Source: Politis & Romano, "A circular block-resampling procedure for stationary data" (1992).
 */
export function circularBlockBootstrap(n: number, blockLength: number, key: number, length = n): Int32Array {
  requireLengths(n, blockLength, length);
  const starts = randomKey(key, 2);
  const indexes = new Int32Array(length);
  for (let t = 0; t < length; t += 1) {
    const within = t % blockLength;
    indexes[t] = within === 0 ? Math.floor(uniformAt(starts, t) * n) : (indexes[t - 1]! + 1) % n;
  }
  return indexes;
}

/**
 * Blocks of one length that keep the season: a block that fills places t, t + 1, … comes from a place s with
 * s ≡ t (mod period), so every value of the new series stands at its own phase. Blocks do not run over the end, so the
 * first and last values of the old series are drawn a little less often.
 *
 * @param period      of the season in steps, a whole number; 1 is none
 * @param blockLength in steps, need not be a multiple of the period
 * @throws {RangeError} when a number is out of range or the series is shorter than a block and a season together
 *
 * Source: Dudek, Leśkow, Paparoditis & Politis, "A generalized block bootstrap for seasonal time series", J. Time
 * Ser. Anal. 35 (2014), section 2.
 */
export function seasonalBlockBootstrap(
  n: number,
  period: number,
  blockLength: number,
  key: number,
  length = n,
): Int32Array {
  requireLengths(n, blockLength, length);
  if (!Number.isInteger(period) || period < 1 || n < blockLength + period - 1)
    throw new RangeError(
      `a series of ${n} is too short for blocks of ${blockLength} in phase with a season of ${period}`,
    );
  const starts = randomKey(key, 2);
  const indexes = new Int32Array(length);
  for (let t = 0; t < length; t += 1) {
    if (t % blockLength !== 0) {
      indexes[t] = indexes[t - 1]! + 1;
      continue;
    }
    const phase = t % period;
    const choices = Math.floor((n - blockLength - phase) / period) + 1;
    indexes[t] = phase + period * Math.floor(uniformAt(starts, t) * choices);
  }
  return indexes;
}

function requireLengths(n: number, blockLength: number, length: number): void {
  if (!Number.isInteger(n) || n < 1 || !Number.isInteger(length) || length < 0)
    throw new RangeError(`a bootstrap draws from 1 value or more but got ${n} for a series of ${length}`);
  if (!(blockLength >= 1)) throw new RangeError(`a block is 1 step or longer but got ${blockLength}`);
}
