/** A forecast this many ranges of its context away is an explosion of any model, not a forecast. */
const FARTHEST = 10;

/**
 * Whether a forecast with its standard deviations stays within some times the range of what it was made from, for
 * families whose fit may be unstable. False for values that are not finite.
 *
 * @param means  [horizon], unit of the series
 * @param sds    [horizon], unit of the series
 * @param values of the context, at least one, finite
 * @param farthest ranges of the context that the forecast may lie beyond its lowest and highest value
 */
export function staysInReach(
  means: Float64Array,
  sds: Float64Array,
  values: Float64Array,
  farthest = FARTHEST,
): boolean {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const reach = farthest * (high - low);
  return means.every((mean, h) => mean - sds[h]! >= low - reach && mean + sds[h]! <= high + reach);
}
