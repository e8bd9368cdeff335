import { InvalidInputError } from "../errors.ts";
import type { BacktestSpec } from "./backtest.ts";
import type { BacktestData } from "./backtest-data.ts";
import { drawWindow, windowSeed } from "./backtest-draws.ts";
import { predictWindows } from "./backtest-predictions.ts";
import type { ForecastModel } from "./families.ts";
import type { QuantileCache } from "./quantile-cache.ts";

/** Which forecasts are made, and the one step of each that is looked at. */
export interface StepPlan {
  /** indexes of the last step that a forecast may see */
  readonly cutoffs: readonly number[];
  /** steps */
  readonly horizon: number;
  /** steps ahead, 1 … horizon */
  readonly step: number;
}

/** The law of one step ahead of each cutoff. */
export interface StepForecasts {
  /** probabilities, ascending */
  readonly levels: readonly number[];
  /** [cutoffs], each [levels], unit of the series */
  readonly quantiles: readonly Float64Array[];
}

const BATCH = 256;

/**
 * Walk-forward forecasts of one series as a forecaster would have made them: at each cutoff the model sees the points up
 * to it and no others, and draws as a backtest does.
 *
 * @param data one series
 * @throws {InvalidInputError} for a step beyond the horizon, and as `takeContexts` for contexts too short
 */
export async function forecastSteps(
  model: ForecastModel,
  data: BacktestData,
  { cutoffs, horizon, step }: StepPlan,
  spec: BacktestSpec,
  cache: QuantileCache,
): Promise<StepForecasts> {
  if (!(step >= 1 && step <= horizon))
    throw new InvalidInputError(`step ahead is ${step}, expected 1 to ${horizon}, the horizon`);
  const windows = cutoffs.map((cutoff, at) => ({ at, cutoff, series: 0, steps: horizon, isScored: true }));
  const { seasonLength, grid } = data;
  cache.reserve(windows.length);
  const predictions = await predictWindows(
    model,
    data,
    windows,
    { ...spec, horizon, season_length: seasonLength, grid },
    { cache, batch: BATCH },
  );
  const forecasts = windows.map((window, w) => {
    const seed = windowSeed(data, window, spec.seed);
    return drawWindow(model, predictions[w]!, horizon, { ...spec, seed });
  });
  return {
    levels: forecasts[0]?.levels ?? [],
    quantiles: forecasts.map(({ quantiles }) => quantiles[step - 1]!),
  };
}
