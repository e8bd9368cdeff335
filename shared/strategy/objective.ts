import type { StrategyObjective, StrategySpec } from "../contracts/spec-strategy.ts";
import type { StrategyMetrics } from "../contracts/strategy.ts";

/** What a search minimises: infinite, with the reason, for a strategy that must not be chosen. */
export interface ObjectiveValue {
  readonly value: number;
  readonly infeasible: string | null;
}

const MEASURES: Record<StrategyObjective, (metrics: StrategyMetrics) => number | null> = {
  sharpe: ({ sharpe }) => sharpe,
  sortino: ({ sortino }) => sortino,
  calmar: ({ calmar }) => calmar,
  return: ({ annualised_return }) => annualised_return,
};

/**
 * The negative of the measure that the spec asks for. Infinite for ruin, a drawdown above `max_drawdown`, fewer than
 * `min_trades` trades, and a measure that cannot be told.
 */
export function objectiveOf(
  metrics: StrategyMetrics,
  { objective, max_drawdown, min_trades }: Pick<StrategySpec, "objective" | "max_drawdown" | "min_trades">,
): ObjectiveValue {
  const refuse = (infeasible: string) => ({ value: Infinity, infeasible });
  if (metrics.is_ruined) return refuse("it was ruined");
  if (metrics.max_drawdown > max_drawdown)
    return refuse(`maximum drawdown ${percent(metrics.max_drawdown)}, allowed ${percent(max_drawdown)}`);
  if (metrics.trades < min_trades) return refuse(`${metrics.trades} trades, expected at least ${min_trades}`);
  const measure = MEASURES[objective](metrics);
  return measure === null ? refuse(`${objective} cannot be told`) : { value: -measure, infeasible: null };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
