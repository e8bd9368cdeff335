import type { TrialResult, TrialTask } from "../../shared/contracts/optimizer.ts";
import { explain, RetuneError } from "../../shared/errors.ts";
import { type BacktestRunner, OutOfMemoryError } from "../../shared/forecasting/backtest-pool.ts";
import { backtestJob, finiteMetrics } from "./backtest-job.ts";

/** Longest error a row of the trial table repeats: all rows together have to fit into one message. */
const MAX_ERROR = 300;

/** What a trial is tried on. */
export interface TrialInputs {
  readonly values: Float64Array;
  readonly artifactPath: string | undefined;
}

/**
 * Backtests one config. What would fail the same way again is a result, too: its RMSE is infinite, written as null.
 * (A-OPT-2, A-OPT-4)
 *
 * @param deliveries how often the task was handed out, this time included
 * @throws whatever another try may cure, as long as `task.attempts` are not used up; anything once the runner is closed
 */
export async function tryTrial(
  task: TrialTask,
  context: { readonly deliveries: number; readonly worker: string; readonly runner: BacktestRunner },
  inputs: () => Promise<TrialInputs>,
): Promise<TrialResult> {
  const { number, phase, params, attempts } = task;
  const { deliveries, worker, runner } = context;
  const startedAt = performance.now();
  const row = () => ({ number, phase, params, worker, duration_ms: performance.now() - startedAt });
  const failed = (error: string): TrialResult => ({
    ...row(),
    rmse: null,
    metrics: null,
    error: shortened(error),
  });

  if (deliveries > attempts) return failed(`no worker came through it in ${attempts} attempts`);
  try {
    const { values, artifactPath } = await inputs();
    const metrics = finiteMetrics(await runner.evaluate(backtestJob(task, values, artifactPath)));
    return metrics === null ? failed("a forecast was not finite") : { ...row(), rmse: metrics.rmse, metrics };
  } catch (error) {
    if (error instanceof OutOfMemoryError) return { ...failed(explain(error)), out_of_memory: true };
    // A worker that is being closed says nothing about the trial: it is somebody else's then.
    if (runner.isClosed || (deliveries < attempts && !isLasting(error))) throw error;
    return failed(explain(error));
  }
}

function isLasting(error: unknown): boolean {
  return error instanceof RetuneError && error.disposition === "terminate";
}

function shortened(text: string): string {
  return text.length <= MAX_ERROR ? text : `${text.slice(0, MAX_ERROR - 1)}…`;
}
