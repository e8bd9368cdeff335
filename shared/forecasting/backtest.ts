import type { WindowSums } from "../contracts/optimizer.ts";
import { InvalidInputError } from "../errors.ts";
import { type BacktestData, dataBefore, windowsOf } from "./backtest-data.ts";
import { drawWindow, windowSeed } from "./backtest-draws.ts";
import type { BacktestPlan } from "./backtest-plan.ts";
import { predictWindows } from "./backtest-predictions.ts";
import { type BacktestMeasures, BacktestScores } from "./backtest-scores.ts";
import type { ForecastModel } from "./families.ts";
import { QuantileCache } from "./quantile-cache.ts";
import type { DrawSpec, QuantileSpec } from "./quantile-forecast.ts";
import type { Objective } from "./window-loss.ts";

export { type BacktestData, type BacktestSeries, oneSeries } from "./backtest-data.ts";
export { type BacktestPlan, planBacktest } from "./backtest-plan.ts";

/** The configuration that is tried: what to look at and what to draw. */
export type BacktestSpec = DrawSpec & Pick<QuantileSpec, "context_length" | "model_params">;

export interface BacktestResult extends BacktestMeasures {
  /** per cutoff of the plan, in its order, as `windowLoss`, the mean over the series; null where nothing is scored */
  readonly losses: readonly (number | null)[];
  /** per cutoff likewise */
  readonly sums: readonly (WindowSums | null)[];
  readonly windows: number;
}

export interface BacktestOptions {
  /** predictions of this very model to reuse and to add to; results are the same with and without */
  readonly cache?: QuantileCache | undefined;
  /** what the losses are of; RMSE unless told */
  readonly objective?: Objective | undefined;
  /** contexts handed to the model at once: fewer take less memory; 512 unless told */
  readonly batch?: number | undefined;
}

/** Contexts of 512 steps and their forecasts take a few megabytes. */
const BATCH = 512;

/**
 * Walk-forward backtest: at each cutoff the model forecasts from the points up to it, and no others. What lies at or
 * after the plan's `scoreEnd` is cut off before anything else happens.
 *
 * Draws differ from window to window and agree between configurations (common random numbers), so that the
 * difference of two results is not the luck of the draw; where the data says the time of its steps they go by that, so
 * that a window found again in next week's history has the same draws. Predictions are computed only as far as there
 * are targets.
 *
 * @throws {InvalidInputError} when no target is observed, as `windowsOf`, and as `takeContexts` for contexts too short
 */
export async function backtest(
  model: ForecastModel,
  whole: BacktestData,
  plan: BacktestPlan,
  spec: BacktestSpec,
  options: BacktestOptions = {},
): Promise<BacktestResult & { readonly inference_ms: number }> {
  const { cache = new QuantileCache(), objective = "rmse", batch = BATCH } = options;
  const data = plan.scoreEnd === undefined ? whole : dataBefore(whole, plan.scoreEnd);
  const windows = windowsOf(data, plan);
  if (!windows.some(({ isScored }) => isScored))
    throw new InvalidInputError("no target of the backtest is observed");
  const wanted = model.joint ? windows : windows.filter(({ isScored }) => isScored);
  const horizon = wanted.reduce((most, { steps }) => Math.max(most, steps), 1);
  const { seasonLength, grid } = data;
  const forecastSpec = { ...spec, horizon, season_length: seasonLength, grid };
  cache.reserve(wanted.length);
  const predictions = await predictWindows(model, data, wanted, forecastSpec, { cache, batch });

  const scores = new BacktestScores(data, objective, plan.cutoffs.length);
  wanted.forEach((window, w) => {
    if (!window.isScored) return;
    const seed = windowSeed(data, window, spec.seed);
    scores.add(window, drawWindow(model, predictions[w]!, window.steps, { ...spec, seed }));
  });
  const inferenceMs = predictions.reduce((sum, each) => sum + each.inferenceMs, 0) / predictions.length;
  return {
    ...scores.measures(plan.scaleEnd ?? plan.cutoffs.reduce((a, b) => Math.min(a, b)) + 1),
    ...scores.byCutoff(),
    windows: plan.cutoffs.length,
    inference_ms: inferenceMs,
  };
}
