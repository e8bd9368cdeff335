/**
 * A context without holes, for families that know no missing values. What comes before the first observed value is
 * cut off; a hole between two observed values is bridged by a straight line; what is missing after the last one
 * repeats it, so that the result still ends where the context ends. The bridges see nothing later than the context,
 * but they have no noise: a variance estimated from the result must be multiplied by `bridgedInflation`.
 *
 * @param context oldest step first, NaN for missing
 * @returns finite values, empty when nothing is observed
 */
export function interpolate(context: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(context);
  const first = values.findIndex((value) => !Number.isNaN(value));
  if (first < 0) return new Float64Array(0);
  let last = first;
  for (let t = first + 1; t < values.length; t += 1) {
    if (Number.isNaN(values[t]!)) continue;
    const slope = (values[t]! - values[last]!) / (t - last);
    for (let k = last + 1; k < t; k += 1) values[k] = values[last]! + slope * (k - last);
    last = t;
  }
  return values.fill(values[last]!, last + 1).subarray(first);
}

/**
 * What the variance of a fit to an interpolated context is to be multiplied by: its steps over its observed values.
 *
 * A hole of k steps in a random walk ends with a change of variance k σ², which a straight line spreads over k changes
 * that together add σ² where k σ² is due. 1 where nothing is missing after the first observed value.
 *
 * @param context as for `interpolate`
 */
export function bridgedInflation(context: ArrayLike<number>): number {
  let [first, observed] = [-1, 0];
  for (let t = 0; t < context.length; t += 1) {
    if (Number.isNaN(context[t]!)) continue;
    if (first < 0) first = t;
    observed += 1;
  }
  return observed === 0 ? 1 : (context.length - first) / observed;
}
