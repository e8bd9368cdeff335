import { medianOf, quantileFunction } from "../forecasting/quantile-function.ts";

const HALVINGS = 50;

/**
 * Probability that a forecast price is above another, from the forecast's quantiles: linear between two levels, with the
 * Gaussian tails of `quantileFunction` outside. Quantiles that are all one value give 0, 0.5 (at that very value) or 1.
 *
 * @param levels ascending, with some below and some above one half
 * @param values one per level, ascending
 * @returns in 0 … 1; NaN where a quantile or the price is NaN
 */
export function probabilityAbove(
  price: number,
  levels: readonly number[],
  values: ArrayLike<number>,
): number {
  const last = values.length - 1;
  if (Number.isNaN(price) || Array.from(values).some(Number.isNaN)) return Number.NaN;
  if (values[0]! === values[last]!) return price < values[0]! ? 1 : price > values[0]! ? 0 : 0.5;
  if (medianOf(levels, values) === price) return 0.5;
  const at = quantileFunction(levels, values);
  let low = 0;
  let high = 1;
  for (let i = 0; i < HALVINGS; i += 1) {
    const middle = (low + high) / 2;
    if (at(middle) < price) low = middle;
    else high = middle;
  }
  return 1 - (low + high) / 2;
}
