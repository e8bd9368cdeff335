import type { StrategySpec } from "../contracts/spec-strategy.ts";
import type { StrategyMetrics } from "../contracts/strategy.ts";
import type { StrategyParameters } from "../contracts/strategy-parameters.ts";
import { type Observation, suggest } from "../search/sampler.ts";
import { pointCount } from "../search/space.ts";
import { backtestStrategy, type Market, type Span } from "./backtest.ts";
import { strategyMetrics } from "./metrics.ts";
import { objectiveOf } from "./objective.ts";
import { parametersAt, strategySpace } from "./space.ts";

export interface StrategyTrial {
  readonly number: number;
  readonly parameters: StrategyParameters;
  /** less is better; infinite where `infeasible` says why */
  readonly objective: number;
  readonly infeasible: string | null;
  readonly metrics: StrategyMetrics;
}

/**
 * Searches the parameters of a strategy: each trial is one backtest on the span, nothing after it is looked at, and no
 * forecast is made again. The first trials are the parameters in force. Depends on its arguments alone.
 *
 * @returns every trial by number; fewer than `trials` where the space has no more points
 * @throws {InvalidInputError} as `strategySpace` and `backtestStrategy`
 */
export function tuneStrategy(market: Market, span: Span, spec: StrategySpec): StrategyTrial[] {
  const space = strategySpace(spec);
  const { sampler, seed, parameters } = spec;
  const most = sampler === "grid" ? pointCount(space) : spec.trials;
  const trials: StrategyTrial[] = [];
  const history: Observation[] = [];
  while (trials.length < most) {
    const number = trials.length;
    const point = suggest(space, { sampler, seed, history, starts: [parameters], number });
    if (point === undefined) break;
    const trial = { number, ...tryStrategy(market, span, spec, parametersAt(point, spec)) };
    trials.push(trial);
    history.push({ number, point, objective: trial.objective });
  }
  return trials;
}

/** One strategy on a span, measured by the spec's costs and objective. */
export function tryStrategy(
  market: Market,
  span: Span,
  spec: StrategySpec,
  parameters: StrategyParameters,
): Omit<StrategyTrial, "number"> {
  const run = backtestStrategy(market, parameters, spec.costs, span);
  const metrics = strategyMetrics(run, market.barsPerYear, spec.risk_free_rate);
  const { value, infeasible } = objectiveOf(metrics, spec);
  return { parameters, objective: value, infeasible, metrics };
}

/** The feasible trials, the best first, the earlier of equals. */
export function rankedTrials(trials: readonly StrategyTrial[]): StrategyTrial[] {
  return trials
    .filter(({ objective }) => Number.isFinite(objective))
    .sort((a, b) => a.objective - b.objective || a.number - b.number);
}

/** The best trial, the earliest of equals; undefined where none is feasible. */
export function bestTrial(trials: readonly StrategyTrial[]): StrategyTrial | undefined {
  return rankedTrials(trials)[0];
}
