import { InvalidInputError } from "../../errors.ts";

/**
 * The weights nearest to the given ones (Euclidean) that are at least 0, at most `cap` and add up to 1.
 *
 * The nearest point is min(cap, max(0, v − τ)); the sum falls piecewise linearly in τ, with corners at v and v − cap, so
 * τ is found exactly between two corners. Equal inputs give equal outputs, bit for bit.
 *
 * Source: W. Wang, C. Lu, "Projection onto the capped simplex", arXiv:1503.01002 (2015).
 *
 * @param values finite, at least one
 * @param cap share that one asset may have, at most 1
 * @throws {InvalidInputError} where caps leave no room for the whole: cap · assets < 1
 */
export function projectToCappedSimplex(values: ArrayLike<number>, cap = 1): Float64Array {
  checkCap(cap, values.length);
  const given = Float64Array.from(values);
  const clipped = (shift: number) => given.map((each) => Math.min(cap, Math.max(0, each - shift)));
  const total = (shift: number) => clipped(shift).reduce((sum, each) => sum + each, 0);
  const corners = Float64Array.from([...given, ...given.map((each) => each - cap)]).sort();
  let [low, high] = [0, corners.length - 1];
  // The sum is at its most at the first corner and 0 at the last.
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (total(corners[middle]!) >= 1) low = middle;
    else high = middle;
  }
  const [left, right] = [total(corners[low]!), total(corners[high]!)];
  const share = left === right ? 0 : (left - 1) / (left - right);
  return clipped(corners[low]! + share * (corners[high]! - corners[low]!));
}

/** @throws {InvalidInputError} as `projectToCappedSimplex` */
export function checkCap(cap: number, assets: number): void {
  if (!(cap > 0 && cap <= 1 && cap * assets >= 1 - 1e-12))
    throw new InvalidInputError(
      `no asset may have more than ${cap} of the portfolio, expected at least 1 / ${assets} and at most 1 for ${assets} assets`,
    );
}
