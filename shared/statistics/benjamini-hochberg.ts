export type FalseDiscoveryMethod = "benjamini-hochberg" | "benjamini-yekutieli";

/**
 * p-values adjusted for having looked at many of them: rejecting those with an adjusted value <= q keeps the expected
 * share of false ones among the rejected at q or below,
 *
 *     p̃_(i) = min_{j >= i} min(1, c · k p_(j) / j)      k p-values, p_(1) <= … <= p_(k)
 *
 * c is 1 for Benjamini and Hochberg, whose promise holds for independent or positively dependent tests (detectors on
 * entities that share their load), and Σ_{i<=k} 1/i for Benjamini and Yekutieli, whose promise holds for any.
 *
 * @param pValues each in 0 … 1; empty gives empty
 * @returns adjusted values in the order of the input
 * @throws {RangeError} for a value outside 0 … 1 or NaN: a test that could not tell is left out by the caller
 *
 * Sources: Benjamini & Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57 (1995); Benjamini &
 * Yekutieli, "The control of the false discovery rate in multiple testing under dependency", Ann. Stat. 29 (2001).
 */
export function adjustPValues(
  pValues: readonly number[],
  method: FalseDiscoveryMethod = "benjamini-hochberg",
): number[] {
  for (const [i, p] of pValues.entries())
    if (!(p >= 0 && p <= 1)) throw new RangeError(`p-value ${i} lies in 0 … 1 but got ${p}`);
  const k = pValues.length;
  const factor = method === "benjamini-yekutieli" ? harmonic(k) : 1;
  const descending = pValues.map((_, i) => i).sort((i, j) => pValues[j]! - pValues[i]!);
  const adjusted = new Array<number>(k);
  let least = 1;
  for (const [place, i] of descending.entries()) {
    least = Math.min(least, (factor * k * pValues[i]!) / (k - place));
    adjusted[i] = least;
  }
  return adjusted;
}

/** Which of many tests may be called discoveries at a false-discovery rate of `q`, in the order of the input. */
export function discoveries(
  pValues: readonly number[],
  q: number,
  method: FalseDiscoveryMethod = "benjamini-hochberg",
): boolean[] {
  return adjustPValues(pValues, method).map((p) => p <= q);
}

function harmonic(k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i += 1) sum += 1 / i;
  return sum;
}
