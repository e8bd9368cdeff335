import { TradingCosts } from "../contracts/spec-strategy.ts";
import { StrategyParameters } from "../contracts/strategy-parameters.ts";
import { normalQuantile } from "../forecasting/normal.ts";
import { uniform } from "../forecasting/random.ts";
import { type Bars, checkedBars } from "./bars.ts";

export const FREE: TradingCosts = { fee_bps: 0, spread_bps: 0, slippage_bps: 0 };

/** 11 basis points a fill. */
export const USUAL = TradingCosts.parse({ fee_bps: 10, spread_bps: 1, slippage_bps: 0.5 });

export function parameters(given: Partial<StrategyParameters> = {}): StrategyParameters {
  return StrategyParameters.parse({ confidence_threshold: 0.5, sides: "both", ...given });
}

/** Bars from rows of [open, high, low, close]. */
export function barsOf(rows: readonly (readonly [number, number, number, number])[]): Bars {
  const column = (i: 0 | 1 | 2 | 3) => Float64Array.from(rows, (row) => row[i]);
  return checkedBars({ open: column(0), high: column(1), low: column(2), close: column(3) });
}

/** A standard normal draw that depends on nothing but its arguments. */
export function gaussian(seed: number, ...counters: readonly number[]): number {
  return normalQuantile(uniform(seed, ...counters));
}

/** A random walk of prices: closes with steps of `deviation`, a gap before each open, a range around both. */
export function randomWalk(seed: number, count: number, deviation = 0.01, drift = 0): Bars {
  const rows: [number, number, number, number][] = [];
  let last = 100;
  for (let t = 0; t < count; t += 1) {
    const open = last * Math.exp(0.2 * deviation * gaussian(seed, t, 0));
    const close = open * Math.exp(drift + deviation * gaussian(seed, t, 1));
    const reach = (k: number) => 0.5 * deviation * Math.abs(gaussian(seed, t, k));
    rows.push([open, Math.max(open, close) * (1 + reach(2)), Math.min(open, close) * (1 - reach(3)), close]);
    last = close;
  }
  return barsOf(rows);
}

/** Signals that know nothing. */
export function randomSignals(seed: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, t) => uniform(seed, t, 9));
}
