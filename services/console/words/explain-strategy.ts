import type { Searched } from "../../../shared/contracts/optimizer.ts";
import type {
  ComparedStrategy,
  StrategyMetrics,
  StrategySearch,
} from "../../../shared/contracts/strategy.ts";
import type { StrategyParameters } from "../../../shared/contracts/strategy-parameters.ts";
import { count, figure, percent, sentence, signedPercent, span } from "./format.ts";

const SIDES: Readonly<Record<StrategyParameters["sides"], string>> = {
  long: "long",
  short: "short",
  both: "long and short",
};

/** Parameters as far as they do something: "long from 0.6, size 1, stop loss 2 %, no take profit". */
export function parametersText(parameters: StrategyParameters): string {
  const { sides, confidence_threshold, stop_loss, take_profit } = parameters;
  return [
    `${SIDES[sides]} from ${figure(confidence_threshold)}`,
    sizeText(parameters),
    stop_loss > 0 ? `stop loss ${percent(stop_loss)}` : "no stop loss",
    take_profit > 0 ? `take profit ${percent(take_profit)}` : "no take profit",
  ].join(", ");
}

function sizeText(parameters: StrategyParameters): string {
  const { sizing, position_size, volatility_target, volatility_window, kelly_fraction } = parameters;
  const most = `at most ${figure(parameters.max_position)}`;
  switch (sizing) {
    case "fixed":
      return `size ${figure(Math.min(position_size, parameters.max_position))}`;
    case "volatility":
      return `size for ${percent(volatility_target)} volatility by ${volatility_window} steps, ${most}`;
    case "kelly":
      return `${figure(kelly_fraction)} of Kelly's size, ${most}`;
  }
}

/** One line of a run's search: "searched: 200 strategies on 640 forecasts, best sharpe 1.2 (long from 0.6, …)". */
export function strategySearchedText({ trials, objective, best, forecasts }: StrategySearch): string {
  const [first] = best;
  const strategies = count(trials.total, "strategy", "strategies");
  return `searched: ${strategies} on ${count(forecasts, "forecast")}, best ${objective} ${figure(first!.objective)} (${parametersText(first!.parameters)})`;
}

/** What a strategy's search tried, and what won on the prices it saw. (B-STR-1) */
export function strategySearchLines(
  { optimization_time_seconds, split }: Searched,
  search: StrategySearch,
): readonly string[] {
  const { objective, step_ahead, bars, missing, forecasts, present, present_metrics, trials, best } = search;
  const [first, second] = best;
  const { total, feasible, reasons, deflated_sharpe } = trials;
  const lines = [
    `${count(total, "strategy", "strategies")} on the live model's ${count(forecasts, "forecast")} of ${count(step_ahead, "step")} ahead, over ${count(bars, "bar")}${missing > 0 ? `, ${missing} without a price` : ""}, in ${span(optimization_time_seconds * 1000)}.`,
    `Best: ${parametersText(first!.parameters)}, with ${objective} ${figure(first!.objective)}${second === undefined ? "" : ` (the next best had ${figure(second.objective)})`}: ${metricsText(first!.metrics)}.`,
    `In force: ${parametersText(present)}: ${metricsText(present_metrics)}.`,
  ];
  if (feasible < total)
    lines.push(sentence(`${total - feasible} were not feasible, such as: ${reasons.join("; ")}`));
  if (deflated_sharpe !== null)
    lines.push(
      `The best one's Sharpe ratio is more than the luck of so many trials with probability ${figure(deflated_sharpe, 2)}.`,
    );
  if (split !== undefined)
    lines.push(
      `It looked at prices from ${split.search_from.slice(0, 10)} to ${split.search_to.slice(0, 10)}; the ${count(split.holdout_steps, "step")} after that it never saw.`,
    );
  return lines;
}

/** Strategies on the prices that the search never saw, the candidate first. */
export function heldOutLines(strategies: readonly ComparedStrategy[]): string[] {
  return strategies.map(
    ({ name, parameters, held_out }) =>
      `Held out, ${name}${parameters === null ? "" : ` (${parametersText(parameters)})`}: ${metricsText(held_out)}.`,
  );
}

function metricsText(metrics: StrategyMetrics): string {
  const ratio = (value: number | null) => (value === null ? "n/a" : value.toFixed(2));
  const { total_return, sharpe, sortino, calmar, max_drawdown, trades } = metrics;
  return `return ${signedPercent(total_return)}, Sharpe ${ratio(sharpe)}, Sortino ${ratio(sortino)}, Calmar ${ratio(calmar)}, drawdown ${percent(max_drawdown)}, ${count(trades, "trade")}`;
}
