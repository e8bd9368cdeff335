/**
 * Chance of `count` events or more where `mean` are expected, P(N >= count) for N ~ Poisson(mean): the p-value of the
 * exact one-sided test that they come no more often than that.
 *
 * @param count 0 or more, whole
 * @param mean  0 or more; at 0 any event is impossible
 * @throws {RangeError} when a number is out of range
 */
export function poissonTail(count: number, mean: number): number {
  if (!Number.isInteger(count) || count < 0 || !(mean >= 0))
    throw new RangeError(`a Poisson count is whole, its mean 0 or more, but got ${count} and ${mean}`);
  if (count === 0) return 1;
  if (mean === 0) return 0;
  // From whichever side is short of the mean, so that no small tail is lost in 1 - p.
  let log = -mean + count * Math.log(mean);
  for (let k = 2; k <= count; k += 1) log -= Math.log(k);
  let sum = 0;
  if (count > mean) {
    let term = Math.exp(log);
    for (let k = count + 1; term > sum * 1e-17; k += 1) {
      sum += term;
      term *= mean / k;
    }
    return Math.min(1, sum);
  }
  let term = Math.exp(log);
  for (let k = count; k > 0; k -= 1) {
    term *= k / mean;
    sum += term;
  }
  return Math.max(0, 1 - sum);
}
