import type { TradingCosts } from "../contracts/spec-strategy.ts";
import { StrategyParameters } from "../contracts/strategy-parameters.ts";
import { backtestStrategy, type Market, type Span, type StrategyRun } from "./backtest.ts";

/** What every strategy is measured against. */
export const REFERENCES = ["buy-and-hold", "flat"] as const;
export type Reference = (typeof REFERENCES)[number];

/** Buys with everything at the first fill and sells at the end, with the same costs; or never trades. */
export function referenceRun(
  reference: Reference,
  market: Market,
  costs: TradingCosts,
  span: Span,
): StrategyRun {
  const certain = reference === "buy-and-hold" ? 1 : Number.NaN;
  const probability = new Float64Array(market.bars.close.length).fill(certain);
  return backtestStrategy(
    { ...market, probability },
    StrategyParameters.parse({ sides: "long" }),
    costs,
    span,
  );
}
