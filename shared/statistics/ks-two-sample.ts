import { autocorrelationTime, effectiveSize } from "./autocorrelation.ts";
import { type KsReference, ksDistance, ksDistanceOfSorted, ksDistanceTo } from "./ks-distance.ts";

/** Samples up to this size get the exact p-value; beyond about 2,000 its recursion underflows without a sign. */
const EXACT_LIMIT = 1_000;

export interface KsResult {
  /** D in 0 … 1 */
  readonly distance: number;
  readonly pValue: number;
  /** exact: no ties and small samples; asymptotic: the limit law; effective: the limit law with effective sizes */
  readonly method: "exact" | "asymptotic" | "effective";
  /** Sizes the p-value was computed with; below the number of values under `effective`. */
  readonly sampleSize: number;
  readonly referenceSize: number;
  /** τ of the reference in steps; 1 where it was not asked for */
  readonly autocorrelationTime: number;
}

/**
 * Two-sided two-sample Kolmogorov–Smirnov test: do two samples come from one law?
 *
 *     D = max_x |F_n(x) − G_m(x)|,   λ = D √(n m / (n + m))
 *
 * D counts values <= x at every pooled point, so ties are handled. The p-value is exact up to 1,000 values a sample
 * without ties between any two values; otherwise it is that of Kolmogorov's limit law, which is conservative for
 * small samples and under ties.
 *
 * The test takes its values for independent; on an autocorrelated series it cries wolf (an AR(1) with φ = 0.8 half
 * of the time at a nominal 5 %). `effectiveSize` shrinks both samples by the reference's autocorrelation, see
 * `effectiveSize`; values then have to be in order of time. Where the reference shows none, it changes nothing.
 *
 * @param sample    values, any order unless `effectiveSize`; not changed
 * @param reference values it is compared with, or a prepared reference (`ksReference`), which is quicker for many
 *                  samples; its τ was settled when it was prepared
 * @throws {RangeError} when a sample is empty or holds NaN
 *
 * Sources: Hodges, "The significance probability of the Smirnov two-sample test", Ark. Mat. 3 (1958), for the exact
 * recursion; Smirnov, "Table for estimating the goodness of fit of empirical distributions" (1948), for the limit.
 */
export function ksTwoSample(
  sample: ArrayLike<number>,
  reference: ArrayLike<number> | KsReference,
  options: { readonly effectiveSize?: boolean } = {},
): KsResult {
  const prepared = "sorted" in reference ? reference : undefined;
  const others = prepared?.sorted ?? float64(reference as ArrayLike<number>);
  const values = float64(sample);
  const sampleSize = values.length;
  const referenceSize = others.length;
  const tau = prepared?.autocorrelationTime ?? (options.effectiveSize ? autocorrelationTime(others) : 1);
  if (tau === 1 && sampleSize > 0 && Math.max(sampleSize, referenceSize) <= EXACT_LIMIT) {
    const { distance, ties } = ksDistanceOfSorted(sorted(values, "sample"), sorted(others, "reference"));
    const pValue = ties
      ? kolmogorovTail(scaled(distance, sampleSize, referenceSize))
      : exactTail(distance, sampleSize, referenceSize);
    const method = ties ? "asymptotic" : "exact";
    return { distance, pValue, method, sampleSize, referenceSize, autocorrelationTime: tau };
  }
  const distance = prepared === undefined ? ksDistance(values, others) : ksDistanceTo(values, prepared);
  const n = effectiveSize(sampleSize, tau);
  const m = effectiveSize(referenceSize, tau);
  const pValue = kolmogorovTail(scaled(distance, n, m));
  const method = tau > 1 ? "effective" : "asymptotic";
  return { distance, pValue, method, sampleSize: n, referenceSize: m, autocorrelationTime: tau };
}

/** P(K > λ) of Kolmogorov's limit law, by whichever of its two series converges at once. */
export function kolmogorovTail(lambda: number): number {
  if (!(lambda > 0)) return 1;
  let total = 0;
  if (lambda < 1.18) {
    for (let k = 1; k <= 9; k += 2) total += Math.exp(-((k * Math.PI) ** 2) / (8 * lambda ** 2));
    return 1 - (Math.sqrt(2 * Math.PI) / lambda) * total;
  }
  for (let k = 1, sign = 1; k <= 9; k += 1, sign = -sign) total += sign * Math.exp(-2 * k ** 2 * lambda ** 2);
  return Math.min(1, 2 * total);
}

function scaled(distance: number, n: number, m: number): number {
  return distance * Math.sqrt((n * m) / (n + m));
}

/** Share of the lattice paths from (0, 0) to (n, m) that leave the band |i/n − j/m| < D. */
function exactTail(distance: number, n: number, m: number): number {
  const [rows, columns] = n <= m ? [n, m] : [m, n];
  // Distances are multiples of 1/(nm); half a step of slack keeps rounding from moving one across the bound.
  const bound = (0.5 + Math.floor(distance * n * m - 1e-7)) / (n * m);
  const inside = new Float64Array(columns + 1);
  for (let j = 0; j <= columns; j += 1) inside[j] = j / columns > bound ? 0 : 1;
  for (let i = 1; i <= rows; i += 1) {
    const weight = i / (i + columns);
    inside[0] = i / rows > bound ? 0 : weight * inside[0]!;
    // Outside of the band all is 0, and still is, or is not looked at any more.
    const from = Math.max(1, Math.floor((i / rows - bound) * columns) - 1);
    const to = Math.min(columns, Math.ceil((i / rows + bound) * columns) + 1);
    if (from > 1) inside[from - 1] = 0;
    for (let j = from; j <= to; j += 1)
      inside[j] = Math.abs(i / rows - j / columns) > bound ? 0 : weight * inside[j]! + inside[j - 1]!;
  }
  return Math.min(1, Math.max(0, 1 - inside[columns]!));
}

function float64(values: ArrayLike<number>): Float64Array {
  return values instanceof Float64Array ? values : Float64Array.from(values);
}

function sorted(values: Float64Array, name: string): Float64Array {
  if (values.length === 0) throw new RangeError(`the ${name} is empty`);
  const copy = values.toSorted();
  // Typed arrays sort NaN to the end.
  if (Number.isNaN(copy[copy.length - 1]!)) throw new RangeError(`the ${name} holds NaN`);
  return copy;
}
