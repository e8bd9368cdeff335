import { autocorrelationTime } from "./autocorrelation.ts";
import { moments } from "./sample.ts";

export interface MeanShift {
  /** mean(current) − mean(reference), in the unit of the values */
  readonly difference: number;
  /** |difference| / std(reference); null for a constant reference, unless the means are equal (0) */
  readonly shift: number | null;
  /**
   * |difference| in its own standard errors, with both samples shrunk by the reference's autocorrelation time; null
   * as `shift` is. About normal without a change: 2 is seen in one of twenty evaluations.
   */
  readonly zScore: number | null;
  /** τ of the reference in steps, see `autocorrelationTime` */
  readonly autocorrelationTime: number;
}

/**
 * How far the mean has moved, in standard deviations of the reference (B-TRN-1),
 *
 *     shift = |mean(current) − mean(reference)| / std(reference)
 *     z     = shift / √(τ/n + τ/m)
 *
 * `shift` says how large the change is and ignores how many values speak for it: 14 autocorrelated values move by
 * 0.1 std all the time. `z` says whether it may be chance.
 *
 * @param reference n values in order of time (for τ)
 * @param current   m values
 * @throws {RangeError} when a sample is empty or holds NaN or an infinity
 *
 * Source for τ/n as the variance of an autocorrelated mean: Bayley & Hammersley, "The 'effective' number of
 * independent observations in an autocorrelated time series", Suppl. J. R. Stat. Soc. 8 (1946).
 */
export function meanShift(reference: ArrayLike<number>, current: ArrayLike<number>): MeanShift {
  const before = moments(reference, "reference");
  const now = moments(current, "current sample");
  const difference = now.mean - before.mean;
  const tau = autocorrelationTime(reference);
  const base = { difference, autocorrelationTime: tau };
  if (difference === 0) return { ...base, shift: 0, zScore: 0 };
  if (before.std === 0) return { ...base, shift: null, zScore: null };
  const shift = Math.abs(difference) / before.std;
  return { ...base, shift, zScore: shift / Math.sqrt(tau / before.n + tau / now.n) };
}
