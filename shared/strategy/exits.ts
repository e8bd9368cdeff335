import type { StrategyParameters } from "../contracts/strategy-parameters.ts";
import type { Bars } from "./bars.ts";

export interface Exit {
  readonly reason: "stop-loss" | "take-profit";
  /** before costs */
  readonly price: number;
}

/**
 * Whether a bar closes a position by its stop or its target, which lie `stop_loss` and `take_profit` of the price of
 * entry away from it.
 *
 * A bar does not tell in which order its high and low came, so the worst is assumed: where both were reached the stop
 * was first. A bar that opens beyond the stop is left at its open, which is worse than the stop; one that opens beyond
 * the target at the target, not at the better open.
 *
 * @param side 1 long, −1 short
 * @param entry price of entry before costs
 */
export function exitIn(
  bars: Bars,
  t: number,
  side: 1 | -1,
  entry: number,
  { stop_loss, take_profit }: Pick<StrategyParameters, "stop_loss" | "take_profit">,
): Exit | undefined {
  const worst = side === 1 ? bars.low[t]! : bars.high[t]!;
  const best = side === 1 ? bars.high[t]! : bars.low[t]!;
  const stop = entry * (1 - side * stop_loss);
  if (stop_loss > 0 && side * (worst - stop) <= 0) {
    const open = bars.open[t]!;
    return { reason: "stop-loss", price: side * (open - stop) < 0 ? open : stop };
  }
  const target = entry * (1 + side * take_profit);
  // A short cannot gain more than the whole price.
  if (take_profit > 0 && target > 0 && side * (best - target) >= 0)
    return { reason: "take-profit", price: target };
  return undefined;
}
