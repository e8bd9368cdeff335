import { BacktestMetrics, type TrialTask } from "../../shared/contracts/optimizer.ts";
import { planBacktest } from "../../shared/forecasting/backtest.ts";
import type { BacktestJob, MeasuredBacktest } from "../../shared/forecasting/backtest-pool.ts";

/** What a backtest needs besides the series and the model file. */
export type BacktestParts = Pick<
  TrialTask,
  "params" | "model" | "horizon" | "season_length" | "backtest_steps" | "step_size" | "seed"
>;

/**
 * The backtest of one config on the last `backtest_steps` of a series.
 *
 * @throws {InvalidInputError} when the series is too short for it
 */
export function backtestJob(
  parts: BacktestParts,
  values: Float64Array,
  artifactPath: string | undefined,
): BacktestJob {
  const { params, model, horizon, season_length, backtest_steps, step_size, seed } = parts;
  return {
    family: model,
    artifactPath,
    values,
    seasonLength: season_length,
    plan: planBacktest(values.length, horizon, backtest_steps, step_size),
    spec: { ...params, seed },
  };
}

/** The measures of a backtest; null where a forecast or a measure was not finite. */
export function finiteMetrics(result: MeasuredBacktest): BacktestMetrics | null {
  return BacktestMetrics.safeParse(result).data ?? null;
}
