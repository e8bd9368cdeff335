import { Deployed, RolledBack } from "../../shared/contracts/deployer.ts";
import { Searched } from "../../shared/contracts/optimizer.ts";
import type { RunSummary } from "../../shared/contracts/run.ts";
import type { Step } from "../../shared/contracts/subjects.ts";
import { Validated } from "../../shared/contracts/validator.ts";

/** The history's figures of A-HIS-1, over the runs of one forecaster or of all. Rates are null without cases. */
export interface HistoryMetrics {
  readonly runs: number;
  readonly active: number;
  readonly outcomes: Readonly<Partial<Record<Step, number>>>;
  readonly validated: number;
  readonly validation_success_rate: number | null;
  readonly deployments: number;
  readonly deployment_success_rate: number | null;
  readonly rollbacks: number;
  readonly mean_optimization_seconds: number | null;
  readonly mean_rmse_before: number | null;
  readonly mean_rmse_after: number | null;
  readonly mean_days_between_deployments: number | null;
}

/**
 * Figures of a list of runs:
 *
 *     validation success  = runs the validator approved / runs it gave a verdict on (approved, held or rejected)
 *     deployment success  = deployed and not rolled back / runs whose deployment was tried
 *     RMSE before, after  = champion's and candidate's mean backtest RMSE over deployed runs with a champion
 *     stability           = mean days between deployments of the same forecaster
 *
 * A refused run, and a roll-back that a person asked for after the watch, which has an id of its own, are counted
 * under their outcomes only. A run still on watch counts as deployed.
 */
export function historyMetrics(runs: readonly RunSummary[]): HistoryMetrics {
  const done = runs.filter((run) => has(run, "accepted"));
  const validated = done.filter((run) => has(run, "approved", "held", "rejected"));
  const deployed = done.filter((run) => has(run, "deployed"));
  const tried = done.filter((run) => has(run, "deployed") || failedIn(run) === "deployment");
  const takenBack = new Set(runs.flatMap(takenBackRun));
  const pairs = deployed.flatMap(rmsePair);
  const outcomes: Partial<Record<Step, number>> = {};
  for (const run of runs) if (run.terminal) outcomes[run.state] = (outcomes[run.state] ?? 0) + 1;
  return {
    runs: done.length,
    active: done.filter((run) => !run.terminal).length,
    outcomes,
    validated: validated.length,
    validation_success_rate: rate(validated.filter((run) => has(run, "approved")).length, validated.length),
    deployments: deployed.length,
    deployment_success_rate: rate(deployed.filter((run) => !takenBack.has(run.run_id)).length, tried.length),
    rollbacks: runs.filter((run) => has(run, "rolled-back")).length,
    mean_optimization_seconds: mean(done.flatMap(optimizationSeconds)),
    mean_rmse_before: mean(pairs.map(([before]) => before)),
    mean_rmse_after: mean(pairs.map(([, after]) => after)),
    mean_days_between_deployments: mean(daysBetween(deployed)),
  };
}

function has(run: RunSummary, ...steps: Step[]): boolean {
  return run.steps.some((each) => steps.includes(each.step));
}

/** The run whose config a roll-back took away: its own, or an earlier one where a person asked after the watch. */
function takenBackRun(run: RunSummary): string[] {
  const report = RolledBack.safeParse(run.steps.find((each) => each.step === "rolled-back")?.data);
  return report.success ? [report.data.rolled_back_run] : [];
}

/** Seconds the search of a run took; empty before it ended. */
export function optimizationSeconds(run: RunSummary): number[] {
  const searched = Searched.safeParse(run.steps.find((each) => each.step === "searched")?.data);
  return searched.success ? [searched.data.optimization_time_seconds] : [];
}

/** Backtest RMSE of champion and candidate on the same windows; empty for a first deployment. */
export function rmsePair(run: RunSummary): [before: number, after: number][] {
  const verdict = run.steps.find((each) => ["approved", "held", "rejected"].includes(each.step));
  const report = Validated.safeParse(verdict?.data);
  if (!report.success || report.data.champion_metrics === null || report.data.candidate_metrics === null)
    return [];
  return [[report.data.champion_metrics.rmse, report.data.candidate_metrics.rmse]];
}

/** The version a run put live, if it came that far. */
export function deployedVersion(run: RunSummary): number | undefined {
  const deployed = Deployed.safeParse(run.steps.find((each) => each.step === "deployed")?.data);
  return deployed.success ? deployed.data.config.version : undefined;
}

function failedIn(run: RunSummary): unknown {
  return run.steps.find((each) => each.step === "failed")?.data.stage;
}

function daysBetween(deployed: readonly RunSummary[]): number[] {
  const byForecaster = Map.groupBy(deployed, (run) => run.forecaster);
  return [...byForecaster.values()].flatMap((runs) => {
    const times = runs
      .map((run) => Date.parse(run.steps.find((each) => each.step === "deployed")!.time))
      .toSorted((a, b) => a - b);
    return times.slice(1).map((time, i) => (time - times[i]!) / 86_400_000);
  });
}

function rate(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
