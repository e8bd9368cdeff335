import { type ForecasterSpec, horizonSteps } from "../../../shared/contracts/spec.ts";
import type { StrategySpec } from "../../../shared/contracts/spec-strategy.ts";
import type { StrategyTally } from "../../../shared/contracts/strategy.ts";
import type { BacktestRunner } from "../../../shared/forecasting/backtest-pool.ts";
import type { Market } from "../../../shared/strategy/backtest.ts";
import { hasPrice } from "../../../shared/strategy/bars.ts";
import { type Spans, searchLuck } from "../../../shared/strategy/compare.ts";
import { barsPerYear } from "../../../shared/strategy/time.ts";
import type { StrategyTrial } from "../../../shared/strategy/tune.ts";
import { type ModelOverTime, riseProbabilities } from "./forecasts.ts";
import type { Prices } from "./prices.ts";
import { spansOf } from "./spans.ts";

/** Prices with what was forecast at each bar, and the bars that are traded. */
export interface ForecastMarket {
  readonly market: Market;
  readonly spans: Spans;
  /** of each bar, ms since the epoch */
  readonly times: Float64Array;
  readonly stepAhead: number;
  /** in the spans */
  readonly bars: number;
  readonly missing: number;
  readonly forecasts: number;
}

/**
 * Forecasts the live config would have made over the prices, from `from` on or `strategy.history` back. A whole context
 * comes first, or a quarter of the prices where that is less.
 *
 * @throws {InvalidInputError} as `spansOf` and `riseProbabilities`
 */
export async function forecastMarket(
  runner: BacktestRunner,
  model: ModelOverTime,
  prices: Prices,
  spec: ForecasterSpec,
  strategy: StrategySpec,
  options: { readonly from?: string | undefined; readonly say: (done: number, total: number) => void },
): Promise<ForecastMarket> {
  const { bars, times } = prices;
  const warm = Math.min(Math.floor(times.length / 4), model.live.context_length);
  const spans = spansOf(times, options.from, warm, spec, strategy);
  const stepAhead = strategy.step_ahead ?? horizonSteps(spec);
  const { from } = spans.searched;
  const plan = { from, every: strategy.every, stepAhead };
  const probability = await riseProbabilities(runner, model, prices, spec, plan, options.say);
  const traded = Array.from({ length: spans.heldOut.to - from }, (_, i) => from + i);
  return {
    ...{ market: { bars, probability, barsPerYear: barsPerYear(spec) }, spans, times, stepAhead },
    bars: traded.length,
    missing: traded.filter((t) => !hasPrice(bars, t)).length,
    forecasts: probability.filter((each) => !Number.isNaN(each)).length,
  };
}

/** What became of the trials, and how likely the best one is no luck. */
export function tallyOf(
  { market, spans }: ForecastMarket,
  strategy: StrategySpec,
  trials: readonly StrategyTrial[],
  best: StrategyTrial | undefined,
): StrategyTally {
  const reasons = trials.flatMap(({ infeasible }) => (infeasible === null ? [] : [infeasible]));
  return {
    total: trials.length,
    feasible: trials.length - reasons.length,
    reasons: firstOfEachKind(reasons),
    deflated_sharpe: best === undefined ? null : searchLuck(market, spans.searched, strategy, trials, best),
  };
}

/** Reasons that differ in more than their figures. */
function firstOfEachKind(reasons: readonly string[]): string[] {
  const kinds = Map.groupBy(reasons, (reason) => reason.replaceAll(/[\d.]+/g, "#"));
  return [...kinds.values()].map(([first]) => first!);
}
