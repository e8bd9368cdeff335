/** Levels of the quantiles that the family predicts. */
export const SIGNAL_LEVELS: readonly number[] = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);

/** Probabilities at which sizes of moves are kept. */
const SIZE_POINTS = 21;

/**
 * Sizes of moves as their quantiles at 0, 0.05 … 1, in the unit they are given in; 0 at 0, so that the law they make is
 * continuous.
 *
 * @param sizes at least one, 0 or more
 */
export function sizesOf(sizes: ArrayLike<number>): Float64Array {
  const ascending = Float64Array.from(sizes).sort();
  return Float64Array.from({ length: SIZE_POINTS }, (_, i) =>
    i === 0 ? 0 : along(ascending, i / (SIZE_POINTS - 1)),
  );
}

/**
 * Quantiles of a move that goes up with probability p and whose size does not depend on where it goes: with M the sizes'
 * quantile function and q = 1 − p,
 *
 *     Q(τ) = −M(1 − τ / q)  for τ < q,   M((τ − q) / p)  from there on
 *
 * so that Q(q) = 0: the probability of a move above 0 is p. Read off the levels it is p to about 0.01 between 0.2 and
 * 0.8; beyond, sizes between two levels grow too unevenly, and it is up to 0.03 nearer to one half.
 *
 * @param p in (0, 1)
 * @param sizes as `sizesOf`
 * @returns [SIGNAL_LEVELS], ascending, unit of the sizes
 */
export function moveQuantiles(p: number, sizes: ArrayLike<number>): Float64Array {
  const q = 1 - p;
  return Float64Array.from(SIGNAL_LEVELS, (level) =>
    level < q ? -along(sizes, 1 - level / q) : along(sizes, (level - q) / p),
  );
}

/** Linear between values that stand at equal distances from 0 to 1. */
function along(values: ArrayLike<number>, place: number): number {
  const at = Math.min(1, Math.max(0, place)) * (values.length - 1);
  const below = Math.min(Math.floor(at), values.length - 2);
  if (values.length === 1) return values[0]!;
  return values[below]! + (at - below) * (values[below + 1]! - values[below]!);
}
