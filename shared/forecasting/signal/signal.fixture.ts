import { normalQuantile } from "../normal.ts";
import { uniform } from "../random.ts";

/** A Monday. */
export const START_MS = Date.parse("2025-01-06T00:00:00Z");

const DEVIATION = 0.005;
const MOMENTUM = 0.45;
const PULL = 0.5;
const DAY = 24;

/** Hour by hour what nobody can foretell: changes of the logarithm of a price. */
type Noise = (t: number) => number;

const gaussian =
  (seed: number): Noise =>
  (t) =>
    DEVIATION * normalQuantile(uniform(seed, t));

/**
 * Hourly prices: until `changeAt` moves go on (each is 0.45 of the one before, plus noise), from then until `end` they
 * go half the way back to the mean of the day before; then, up to `until`, nobody can foretell them.
 *
 * @param noise a seed, or the noise itself
 */
export function regimes(noise: number | Noise, changeAt: number, end: number, until = end): Float64Array {
  const noiseAt = typeof noise === "number" ? gaussian(noise) : noise;
  const close = new Float64Array(until);
  let [price, move] = [Math.log(100), 0];
  for (let t = 0; t < until; t += 1) {
    if (t < changeAt) move = MOMENTUM * move + noiseAt(t);
    else if (t < end) move = PULL * (dayMean(close, t) - price) + noiseAt(t);
    else move = noiseAt(t);
    price += move;
    close[t] = Math.exp(price);
  }
  return close;
}

function dayMean(close: Float64Array, t: number): number {
  let sum = 0;
  for (let k = 1; k <= DAY; k += 1) sum += Math.log(close[Math.max(0, t - k)]!);
  return sum / DAY;
}
