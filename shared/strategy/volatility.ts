import { moments } from "../statistics/sample.ts";

/**
 * Standard deviation (n − 1) of the last `window` logarithmic returns at each bar, from closes up to and including it.
 * A bar without a close has no return; the next one's return reaches back over it.
 *
 * @param window returns looked at, at least 2
 * @returns [bars] per bar, not per year; NaN before 2 returns are known
 */
export function rollingVolatility(close: Float64Array, window: number): Float64Array {
  const volatility = new Float64Array(close.length).fill(Number.NaN);
  const returns: number[] = [];
  let before = Number.NaN;
  let current = Number.NaN;
  for (let t = 0; t < close.length; t += 1) {
    const price = close[t]!;
    if (!Number.isNaN(price)) {
      if (!Number.isNaN(before)) {
        returns.push(Math.log(price / before));
        current = deviation(returns, Math.max(0, returns.length - window));
      }
      before = price;
    }
    volatility[t] = current;
  }
  return volatility;
}

function deviation(values: readonly number[], from: number): number {
  const taken = values.slice(from);
  const n = taken.length;
  return n < 2 ? Number.NaN : moments(taken).std * Math.sqrt(n / (n - 1));
}
