import { moments, sortedSample } from "./sample.ts";

export interface Wasserstein {
  /** W₁ in the unit of the values */
  readonly distance: number;
  /** W₁ / std(reference): comparable between series; null for a constant reference, unless nothing moved (0) */
  readonly inStds: number | null;
}

/**
 * Wasserstein-1 (earth mover's) distance of two samples on a line: how far, on average, the mass of one has to move
 * to become the other,
 *
 *     W₁ = ∫ |F_n(x) − G_m(x)| dx
 *
 * A pure shift by s has W₁ = |s|. Unlike the Kolmogorov–Smirnov distance it grows with the size of a change, so one
 * far outlier counts: clip first where that is not wanted. O(n log n).
 *
 * @param reference values in any order; not changed
 * @throws {RangeError} when a sample is empty or holds NaN or an infinity
 *
 * Source: Vallender, "Calculation of the Wasserstein distance between probability distributions on the line",
 * Theory Probab. Appl. 18 (1974).
 */
export function wasserstein(reference: ArrayLike<number>, current: ArrayLike<number>): Wasserstein {
  const a = sortedSample(reference, "reference");
  const b = sortedSample(current, "current sample");
  let distance = 0;
  let i = 0;
  let j = 0;
  let at = Math.min(a[0]!, b[0]!);
  while (i < a.length || j < b.length) {
    const next = Math.min(a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY);
    distance += (next - at) * Math.abs(i / a.length - j / b.length);
    at = next;
    while (i < a.length && a[i] === at) i += 1;
    while (j < b.length && b[j] === at) j += 1;
  }
  const { std } = moments(a);
  return { distance, inStds: distance === 0 ? 0 : std > 0 ? distance / std : null };
}
