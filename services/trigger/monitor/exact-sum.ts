import { z } from "zod";

/**
 * A sum without rounding: numbers that do not overlap, ascending in size, whose total is the exact sum of all that was
 * added. One number alone stands for itself, which is what most sums are.
 */
export const ExactSum = z.union([z.number(), z.array(z.number())]);
export type ExactSum = z.infer<typeof ExactSum>;

/**
 * The sum with one more number in it. Whatever the order numbers come in, `totalOf` is the same to the last bit, so
 * that a recorded decision can be made again from messages that came in another order.
 *
 * @param value finite, and far enough below 1.8e308 that no partial sum overflows
 *
 * Source: Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric predicates", Discrete &
 * Computational Geometry 18 (1997), Grow-Expansion.
 */
export function plus(sum: ExactSum, value: number): ExactSum {
  const partials: number[] = [];
  let carried = value;
  for (const each of typeof sum === "number" ? [sum] : sum) {
    const [large, small] = Math.abs(carried) < Math.abs(each) ? [each, carried] : [carried, each];
    const high = large + small;
    const low = small - (high - large);
    if (low !== 0) partials.push(low);
    carried = high;
  }
  if (partials.length === 0) return carried;
  if (carried !== 0) partials.push(carried);
  return partials.length === 1 ? partials[0]! : partials;
}

/** The exact sum of several, as one. */
export function joined(sums: readonly ExactSum[]): ExactSum {
  let all: ExactSum = 0;
  for (const sum of sums)
    for (const partial of typeof sum === "number" ? [sum] : sum) all = plus(all, partial);
  return all;
}

/** The number nearest to the exact sum; of two that are equally near the even one. */
export function totalOf(sum: ExactSum): number {
  if (typeof sum === "number") return sum;
  let i = sum.length - 1;
  let high = sum[i] ?? 0;
  let low = 0;
  while (i > 0 && low === 0) {
    i -= 1;
    const before = high;
    high = before + sum[i]!;
    low = sum[i]! - (high - before);
  }
  // Half way between two numbers, what is left below decides.
  if (i > 0 && Math.sign(low) === Math.sign(sum[i - 1]!)) {
    const doubled = low * 2;
    const next = high + doubled;
    if (doubled === next - high) high = next;
  }
  return high;
}
