import { quantileOfSorted, requireFinite, sortedSample } from "./sample.ts";

/** Added to each bin's count, so that an empty bin is a small share and not an infinite logarithm. */
const PSEUDO_COUNT = 0.5;

export interface StabilityIndex {
  /** 0 for equal shares in every bin; by custom 0.1 is a small and 0.25 a large shift */
  readonly psi: number;
  /**
   * What the index is on average when nothing changed and values are independent, (bins − 1)(1/n + 1/m): for small
   * samples far above 0, so the customary bounds mean nothing there.
   */
  readonly expected: number;
  /** bins in use; fewer than asked for where the reference has few distinct values, more where it has heavy ties */
  readonly bins: number;
}

/**
 * Population stability index: how differently two samples spread over bins that hold equal shares of the reference,
 *
 *     PSI = Σ_b (c_b − r_b) ln(c_b / r_b),   r_b, c_b = (count_b + ½) / (n + ½ bins)
 *
 * It is symmetric and without unit. Cuts are the reference's quantiles k / bins. A value that two or more quantiles
 * share (half of a count series may be 0) gets a bin of its own, so a move to either side of it is seen; this goes
 * for a constant reference, too, whose bins are below, equal and above. The half counts are Krichevsky and
 * Trofimov's estimate of a share; an empty bin then costs about ln(2 n) times the other sample's share.
 *
 * @param bins quantile bins asked for, 2 or more
 * @throws {RangeError} when a sample is empty or holds NaN or an infinity, or `bins` is no whole number above 1
 *
 * Sources: Siddiqi, "Credit Risk Scorecards" (2006), ch. 9, for the index; Yurdakul & Naranjo, "Statistical
 * properties of the population stability index", J. Risk Model Validation 14 (2020), for its expectation.
 */
export function populationStabilityIndex(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { bins = 10 }: { readonly bins?: number } = {},
): StabilityIndex {
  if (!Number.isInteger(bins) || bins < 2)
    throw new RangeError(`bins is a whole number above 1 but got ${bins}`);
  requireFinite(current, "current sample");
  const cuts = quantileCuts(sortedSample(reference, "reference"), bins);
  const inReference = shares(reference, cuts);
  const inCurrent = shares(current, cuts);
  let psi = 0;
  for (const [b, share] of inReference.entries())
    psi += (inCurrent[b]! - share) * Math.log(inCurrent[b]! / share);
  const expected = cuts.length * (1 / reference.length + 1 / current.length);
  return { psi, expected, bins: cuts.length + 1 };
}

/** A border between two bins: values above `at` lie behind it, values equal to it only where `inclusive`. */
interface Cut {
  readonly at: number;
  readonly inclusive: boolean;
}

function quantileCuts(ascending: Float64Array, bins: number): Cut[] {
  const quantiles = Array.from({ length: bins - 1 }, (_, k) => quantileOfSorted(ascending, (k + 1) / bins));
  const cuts: Cut[] = [];
  for (const [k, at] of quantiles.entries()) {
    if (cuts.at(-1)?.at === at) continue;
    if (quantiles[k + 1] === at || isConstant(ascending)) cuts.push({ at, inclusive: true });
    cuts.push({ at, inclusive: false });
  }
  return cuts;
}

function isConstant(ascending: Float64Array): boolean {
  return ascending[0] === ascending[ascending.length - 1];
}

function shares(values: ArrayLike<number>, cuts: readonly Cut[]): Float64Array {
  const counts = new Float64Array(cuts.length + 1).fill(PSEUDO_COUNT);
  for (let i = 0; i < values.length; i += 1) counts[binOf(values[i]!, cuts)]! += 1;
  const total = values.length + PSEUDO_COUNT * counts.length;
  return counts.map((count) => count / total);
}

/** Number of cuts a value lies behind, by bisection. */
function binOf(value: number, cuts: readonly Cut[]): number {
  let low = 0;
  let high = cuts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { at, inclusive } = cuts[middle]!;
    if (value > at || (inclusive && value === at)) low = middle + 1;
    else high = middle;
  }
  return low;
}
