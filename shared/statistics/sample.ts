/** Mean and standard deviation of a sample, and the one check every statistic makes of its input. */

export interface Moments {
  readonly n: number;
  readonly mean: number;
  /** √(Σ (x − mean)² / n), of the sample itself, not an estimate for a population */
  readonly std: number;
}

/**
 * Mean and standard deviation, in two passes, so that a large offset costs no digits.
 * A constant sample has a std of exactly 0.
 *
 * @throws {RangeError} when the sample is empty or holds NaN or an infinity
 */
export function moments(values: ArrayLike<number>, name = "sample"): Moments {
  requireFinite(values, name);
  const n = values.length;
  let sum = 0;
  let constant = true;
  for (let i = 0; i < n; i += 1) {
    sum += values[i]!;
    if (values[i]! !== values[0]!) constant = false;
  }
  // The rounded mean of equal values may differ from them, which would look like a tiny spread.
  if (constant) return { n, mean: values[0]!, std: 0 };
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i += 1) squares += (values[i]! - mean) ** 2;
  return { n, mean, std: Math.sqrt(squares / n) };
}

/** @throws {RangeError} when a sample is empty or holds NaN or an infinity; both name the sample. */
export function requireFinite(values: ArrayLike<number>, name: string): void {
  if (values.length === 0) throw new RangeError(`the ${name} is empty`);
  for (let i = 0; i < values.length; i += 1)
    if (!Number.isFinite(values[i]!)) throw new RangeError(`the ${name} holds ${values[i]} at index ${i}`);
}

/** Ascending copy. @throws {RangeError} as `requireFinite` */
export function sortedSample(values: ArrayLike<number>, name: string): Float64Array {
  requireFinite(values, name);
  return new Float64Array(values).sort();
}

/** The q-quantile of an ascending sample, linear between neighbours (numpy's default); q in 0 … 1. */
export function quantileOfSorted(ascending: ArrayLike<number>, q: number): number {
  const at = (ascending.length - 1) * q;
  const below = Math.floor(at);
  const low = ascending[below]!;
  const high = ascending[Math.min(below + 1, ascending.length - 1)]!;
  return low + (high - low) * (at - below);
}

/** Median; the values are not changed. @throws {RangeError} as `requireFinite` */
export function median(values: ArrayLike<number>, name = "sample"): number {
  return quantileOfSorted(sortedSample(values, name), 0.5);
}
