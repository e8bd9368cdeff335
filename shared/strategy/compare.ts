import type { StrategySpec } from "../contracts/spec-strategy.ts";
import type { ComparedStrategy, STRATEGY_NAMES } from "../contracts/strategy.ts";
import type { StrategyParameters } from "../contracts/strategy-parameters.ts";
import { moments } from "../statistics/sample.ts";
import { backtestStrategy, type Market, type Span } from "./backtest.ts";
import { deflatedSharpe, shapeOf } from "./deflated-sharpe.ts";
import { returnsOf, strategyMetrics } from "./metrics.ts";
import { objectiveOf } from "./objective.ts";
import { REFERENCES, referenceRun } from "./references.ts";
import { superiorityPValue } from "./superiority.ts";
import type { StrategyTrial } from "./tune.ts";

/** What the search may see, and what it may not. */
export interface Spans {
  readonly searched: Span;
  readonly heldOut: Span;
}

export interface Comparison {
  /** the tuned one first where there is one, then present, buy-and-hold, flat */
  readonly strategies: readonly ComparedStrategy[];
  /** null: none was tuned */
  readonly isBetter: boolean | null;
  readonly verdict: string;
}

/**
 * Measures strategies on the searched and on the held-out bars. The tuned one is better where, on bars that its search
 * never saw, it keeps to the drawdown and has a higher objective than the present parameters, than buying and holding
 * and than doing nothing, which counts 0.
 */
export function compareStrategies(
  market: Market,
  spans: Spans,
  spec: StrategySpec,
  tuned: StrategyParameters | undefined,
): Comparison {
  const own: [ComparedStrategy["name"], StrategyParameters][] = [
    ...(tuned === undefined ? [] : ([["tuned", tuned]] as [ComparedStrategy["name"], StrategyParameters][])),
    ["present", spec.parameters],
  ];
  const measured = [
    ...own.map(([name, parameters]) =>
      measure(name, parameters, spans, market, spec, (span) =>
        backtestStrategy(market, parameters, spec.costs, span),
      ),
    ),
    ...REFERENCES.map((name) =>
      measure(name, null, spans, market, spec, (span) => referenceRun(name, market, spec.costs, span)),
    ),
  ];
  const [first] = measured;
  const strategies = measured.map(({ returns, ...figures }, i) => ({
    ...figures,
    p_value: tuned === undefined || i === 0 ? null : superiorityPValue(first!.returns, returns, spec.seed),
  }));
  return { strategies, ...judge(strategies, tuned !== undefined, spec) };
}

function measure(
  name: (typeof STRATEGY_NAMES)[number],
  parameters: StrategyParameters | null,
  { searched, heldOut }: Spans,
  { barsPerYear }: Market,
  spec: StrategySpec,
  play: (span: Span) => ReturnType<typeof backtestStrategy>,
) {
  const metricsOf = (run: ReturnType<typeof play>) => strategyMetrics(run, barsPerYear, spec.risk_free_rate);
  const run = play(heldOut);
  const held_out = metricsOf(run);
  const { value, infeasible } = objectiveOf(held_out, { ...spec, min_trades: 0 });
  const isIdle = held_out.trades === 0;
  return {
    name,
    parameters,
    searched: metricsOf(play(searched)),
    held_out,
    objective: isIdle ? 0 : Number.isFinite(value) ? -value : null,
    infeasible: isIdle ? null : infeasible,
    returns: returnsOf(run.equity),
  };
}

type Measured = Pick<ComparedStrategy, "objective" | "infeasible">;

/** Whether a strategy has the higher objective; one that must not be traded, or cannot be told, is beaten by any. */
export function beats({ objective }: Pick<Measured, "objective">, other: Measured): boolean {
  if (other.infeasible !== null || other.objective === null) return true;
  return objective !== null && objective > other.objective;
}

function judge(
  strategies: readonly ComparedStrategy[],
  isTuned: boolean,
  { objective }: StrategySpec,
): Pick<Comparison, "isBetter" | "verdict"> {
  const [first, ...others] = strategies as [ComparedStrategy, ...ComparedStrategy[]];
  if (!isTuned) return { isBetter: null, verdict: "nothing was tuned" };
  if (first.infeasible !== null)
    return { isBetter: false, verdict: `not on the held-out bars: ${first.infeasible}` };
  const stronger = others.filter((each) => !beats(first, each));
  const told = (each: ComparedStrategy) => `${each.name} ${each.objective!.toFixed(2)}`;
  if (stronger.length === 0)
    return {
      isBetter: true,
      verdict: `better on the held-out bars: ${objective} ${first.objective!.toFixed(2)}`,
    };
  return {
    isBetter: false,
    verdict: `not better on the held-out bars: ${objective} ${first.objective!.toFixed(2)}, ${stronger.map(told).join(", ")}`,
  };
}

/**
 * Probability that the best trial's Sharpe ratio on the searched bars is more than the luck of the best of so many
 * trials; see `deflatedSharpe`.
 */
export function searchLuck(
  market: Market,
  span: Span,
  spec: StrategySpec,
  trials: readonly StrategyTrial[],
  best: StrategyTrial,
): number | null {
  const perBar = trials.flatMap(({ metrics }) =>
    metrics.sharpe === null ? [] : [metrics.sharpe / Math.sqrt(market.barsPerYear)],
  );
  const returns = returnsOf(backtestStrategy(market, best.parameters, spec.costs, span).equity);
  const shape = shapeOf(returns);
  if (shape === null || best.metrics.sharpe === null) return null;
  const { n, std } = moments(perBar);
  return deflatedSharpe({
    sharpe: best.metrics.sharpe / Math.sqrt(market.barsPerYear),
    count: returns.length,
    ...shape,
    trials: n,
    variance: n < 2 ? 0 : (std ** 2 * n) / (n - 1),
  });
}
