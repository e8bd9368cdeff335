import { readRuns } from "../decisions.ts";
import {
  deployedVersion,
  type HistoryMetrics,
  historyMetrics,
  optimizationSeconds,
  rmsePair,
} from "../metrics.ts";
import { figure, moment, percent, printable, shortRun, span } from "../words/format.ts";
import { stepWords } from "../words/steps.ts";
import { table, wrap } from "../words/table.ts";
import { type BusCommand, type CommandFlags, knownForecaster, printJson } from "./command.ts";

export interface HistoryFlags extends CommandFlags {
  readonly forecaster?: string;
  readonly limit?: number;
  readonly refused?: boolean;
}

/** `retune history`: every run with its outcome, and the figures of A-HIS-1. */
export const history: BusCommand<HistoryFlags> = async ({ bus, terminal, flags }) => {
  const { forecaster, limit = 30 } = flags;
  const runs = await readRuns(bus, forecaster);
  // A forecaster that was taken away still has its history; one that never was is a mistake.
  if (runs.length === 0 && forecaster !== undefined) await knownForecaster(bus, forecaster);
  const metrics = historyMetrics(runs);
  const listed = flags.refused === true ? runs : runs.filter((run) => run.state !== "refused");
  const shown = listed.slice(-limit);
  const rows = shown.map((run) => {
    const [rmse] = rmsePair(run);
    const [seconds] = optimizationSeconds(run);
    const last = run.steps.at(-1)!;
    return {
      run_id: run.run_id,
      forecaster: run.forecaster,
      state: run.state,
      terminal: run.terminal,
      started_at: run.started_at,
      updated_at: run.updated_at,
      rmse_before: rmse?.[0] ?? null,
      rmse_after: rmse?.[1] ?? null,
      optimization_seconds: seconds ?? null,
      version: deployedVersion(run) ?? null,
      words: stepWords(last.step, last.data).text,
    };
  });
  if (flags.json === true) {
    printJson(terminal, { metrics, runs: rows });
    return 0;
  }
  if (runs.length === 0) {
    terminal.out("no run yet; 'retune request <forecaster>' asks for one");
    return 0;
  }
  const columns = [
    { title: "RUN" },
    { title: "FORECASTER" },
    { title: "STARTED" },
    { title: "RMSE", right: true },
    { title: "OUTCOME" },
  ];
  const cells = rows.map((row) => [
    shortRun(row.run_id),
    printable(row.forecaster),
    moment(row.started_at).slice(0, 16),
    row.rmse_before === null ? "" : `${figure(row.rmse_before, 3)}→${figure(row.rmse_after, 3)}`,
    row.words,
  ]);
  terminal.out(table(columns, cells, terminal.columns));
  const more = listed.length - shown.length;
  const refused = runs.length - listed.length;
  if (more > 0) terminal.out(`(${more} older: --limit shows more)`);
  if (refused > 0) terminal.out(`(${refused} refused: --refused shows them)`);
  terminal.out("");
  for (const line of metricsLines(metrics)) terminal.out(wrap(line, terminal.columns).join("\n"));
  return 0;
};

/** The figures as sentences. */
export function metricsLines(metrics: HistoryMetrics): string[] {
  const { runs, active, validated, deployments, rollbacks, outcomes } = metrics;
  const ended = Object.entries(outcomes).map(([outcome, n]) => `${n} ${outcome}`);
  return [
    `Runs: ${runs}, of them ${active} not over. Outcomes: ${ended.join(", ") || "none yet"}.`,
    `Validation: ${percent(metrics.validation_success_rate)} of ${validated} approved. Deployment: ${percent(metrics.deployment_success_rate)} of ${deployments} kept. Roll-backs: ${rollbacks}.`,
    `Mean search ${span(metrics.mean_optimization_seconds === null ? null : metrics.mean_optimization_seconds * 1000)}. Deployed runs had backtest RMSE ${figure(metrics.mean_rmse_before)} before and ${figure(metrics.mean_rmse_after)} after, on average.`,
    `Config stability: ${metrics.mean_days_between_deployments === null ? "n/a" : span(metrics.mean_days_between_deployments * 86_400_000)} between deployments.`,
  ];
}
