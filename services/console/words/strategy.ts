import type {
  ComparedStrategy,
  PortfolioReport,
  StrategyMetrics,
  StrategyReport,
} from "../../../shared/contracts/strategy.ts";
import type { StrategyParameters } from "../../../shared/contracts/strategy-parameters.ts";
import { count, figure, moment, percent, printable, sentence, signedPercent, span } from "./format.ts";
import { table, wrap } from "./table.ts";

/** Strategies side by side, on the bars of the search and on those held out, and the parameters that were found. */
export function strategyText(report: StrategyReport, width: number): string {
  const { strategies, trials, notes } = report;
  const tuned = strategies.find(({ name }) => name === "tuned");
  const parts = [
    head(report),
    `Searched, ${moment(report.from)} to ${moment(report.held_out_from)}:`,
    figures(strategies, ({ searched }) => searched, width),
    "",
    `Held out, ${moment(report.held_out_from)} to ${moment(report.to)}:`,
    figures(strategies, ({ held_out }) => held_out, width),
    "",
    ...(trials === null ? [] : wrap(searchWords(trials), width)),
    ...(trials === null ? [] : wrap(sentence(printable(report.verdict)), width)),
    ...strategies.flatMap(({ name, infeasible }) =>
      infeasible === null || name === "tuned" ? [] : [`${name}: ${printable(infeasible)}`],
    ),
    ...(tuned === undefined ? [] : chancesOf(strategies, width)),
    ...(report.is_better !== true || tuned?.parameters == null
      ? []
      : ["", "strategy:", "  parameters:", ...yaml(tuned.parameters)]),
    "",
    `in ${span(report.seconds * 1000)}`,
    ...notes.flatMap((note) => wrap(`Note: ${note}`, width)),
  ];
  return parts.join("\n");
}

function head({ forecaster, model, version, forecasts, step_ahead, bars, costs }: StrategyReport): string {
  const share = costs.fee_bps + costs.spread_bps / 2 + costs.slippage_bps;
  return `${printable(forecaster)}: ${model} v${version}, ${count(forecasts, "forecast")} ${step_ahead} ahead on ${count(bars, "bar")}, ${figure(share)} bp a fill`;
}

function figures(
  strategies: readonly ComparedStrategy[],
  of: (each: ComparedStrategy) => StrategyMetrics,
  width: number,
): string {
  const right = (title: string) => ({ title, right: true });
  const columns = [
    { title: "STRATEGY" },
    ...["RETURN", "A YEAR", "SHARPE", "SORTINO", "CALMAR", "DRAWDOWN"].map(right),
    ...["TURNOVER", "HITS", "TRADES", "EXPOSED"].map(right),
  ];
  const rows = strategies.map((each) => {
    const metrics = of(each);
    const ratio = (value: number | null) => (value === null ? "n/a" : value.toFixed(2));
    return [
      each.name,
      signedPercent(metrics.total_return),
      signedPercent(metrics.annualised_return),
      ratio(metrics.sharpe),
      ratio(metrics.sortino),
      ratio(metrics.calmar),
      percent(metrics.max_drawdown),
      metrics.turnover === null ? "n/a" : figure(metrics.turnover, 3),
      percent(metrics.hit_rate),
      String(metrics.trades),
      percent(metrics.exposure),
    ];
  });
  return table(columns, rows, Math.max(width, 110));
}

function searchWords({
  total,
  feasible,
  reasons,
  deflated_sharpe,
}: NonNullable<StrategyReport["trials"]>): string {
  const refused = reasons.length === 0 ? "" : `; others not, such as: ${printable(reasons.join("; "))}`;
  const luck =
    deflated_sharpe === null
      ? ""
      : ` The best one's Sharpe ratio is more than the luck of so many trials with probability ${deflated_sharpe.toFixed(2)}.`;
  return `${count(total, "trial")}, ${feasible} feasible${refused}.${luck}`;
}

function chancesOf(strategies: readonly ComparedStrategy[], width: number): string[] {
  const told = strategies.flatMap(({ name, p_value }) =>
    p_value === null ? [] : [`${name} ${figure(p_value, 2)}`],
  );
  return told.length === 0
    ? []
    : wrap(`Chance that its higher mean return is luck, against ${told.join(", ")}.`, width);
}

function yaml(parameters: StrategyParameters): string[] {
  return Object.entries(parameters).map(
    ([name, value]) => `    ${name}: ${typeof value === "number" ? figure(value) : value}`,
  );
}

/** Weights by each method, and how they did on the held-out bars. */
export function portfolioText(report: PortfolioReport, width: number): string {
  const { forecasters, portfolios } = report;
  const right = (title: string) => ({ title, right: true });
  const columns = [
    { title: "PORTFOLIO" },
    ...forecasters.map((each) => right(printable(each))),
    ...["RETURN", "A YEAR", "VOLATILITY", "SHARPE", "DRAWDOWN"].map(right),
  ];
  const rows = portfolios.map(({ method, weights, held_out }) => [
    method,
    ...forecasters.map((_, i) => percent(weights?.[i])),
    signedPercent(held_out?.total_return),
    signedPercent(held_out?.annualised_return),
    percent(held_out?.annualised_volatility),
    held_out?.sharpe == null ? "n/a" : held_out.sharpe.toFixed(2),
    percent(held_out?.max_drawdown),
  ]);
  return [
    `Weights from ${moment(report.from)} to ${moment(report.held_out_from)}, figures from then to ${moment(report.to)}:`,
    table(columns, rows, Math.max(width, 110)),
    "",
    `covariance drawn ${percent(report.shrinkage)} of the way to its target; no weight above ${percent(report.max_weight)}`,
    ...(portfolios.some(({ weights }) => weights === null)
      ? ["maximum-sharpe: nothing gained on the bars that the weights are from"]
      : []),
    `in ${span(report.seconds * 1000)}`,
  ].join("\n");
}
