import { autoregressive } from "../statistics/lcg.fixture.ts";
import type { QuantileForecast } from "./quantile-forecast.ts";

/**
 * Share of one-step forecasts whose 80 % interval holds the next value of a random walk of which one value in four is
 * observed.
 */
export function coverageWithHoles(forecast: (context: readonly number[]) => QuantileForecast): number {
  let [inside, level] = [0, 0];
  const walk = autoregressive(5, 2400, 0).map((change) => (level += change));
  const cutoffs = Array.from({ length: 150 }, (_, k) => 180 + 14 * k);
  for (const cutoff of cutoffs) {
    const holes = walk.slice(cutoff - 180, cutoff).map((value, t) => (t % 4 === 3 ? value : Number.NaN));
    const { values } = forecast(holes);
    if (values[0]! <= walk[cutoff]! && walk[cutoff]! <= values[8]!) inside += 1;
  }
  return inside / cutoffs.length;
}
