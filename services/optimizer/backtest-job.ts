import { BacktestMetrics, cutoffsOf, type TrialTask } from "../../shared/contracts/optimizer.ts";
import type { BacktestData } from "../../shared/forecasting/backtest.ts";
import type {
  BacktestJob,
  MeasuredBacktest,
  Training,
  TrainingJob,
} from "../../shared/forecasting/backtest-pool.ts";
import type { DatasetAbout } from "../../shared/forecasting/dataset-cache.ts";

/** What is to be done with a config, beside the data. */
export type BacktestParts = Pick<
  TrialTask,
  | "params"
  | "model"
  | "horizon"
  | "cutoffs"
  | "cutoff_range"
  | "score_end"
  | "train_end"
  | "objective"
  | "seed"
>;

/** Local copies of what a task names by digest. */
export interface TrialInputs {
  readonly data: BacktestData;
  readonly artifactPath: string | undefined;
  /** of families that are trained, where the task names no artifact */
  readonly train: Training | undefined;
}

/** The backtest of one config on a task's cutoffs. What lies at or after `score_end` is out of its reach. */
export function backtestJob(parts: BacktestParts, inputs: TrialInputs): BacktestJob {
  const { params, model, horizon, score_end, train_end, objective, seed } = parts;
  return {
    family: model,
    ...inputs,
    plan: { cutoffs: cutoffsOf(parts), horizon, scoreEnd: score_end, scaleEnd: train_end },
    spec: { ...params, seed },
    objective,
  };
}

/** The training of one config on everything before `train_end`. */
export function trainingJob(
  { params, model, horizon, seed }: BacktestParts,
  data: BacktestData,
  train: Training,
): TrainingJob {
  return { family: model, data, horizon, params, seed, train };
}

/** How a task's dataset is to be read. */
export function datasetAbout({
  fleet,
  grid,
  season_length,
}: Pick<TrialTask, "fleet" | "grid" | "season_length">): DatasetAbout {
  const { step_ms, calendar } = grid;
  return { fleet, grid: { stepMs: step_ms, calendar }, seasonLength: season_length };
}

/** The measures of a backtest; null where a forecast or a measure was not finite. */
export function finiteMetrics(result: MeasuredBacktest): BacktestMetrics | null {
  return BacktestMetrics.safeParse(result).data ?? null;
}
