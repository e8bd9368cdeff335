import { hash } from "node:crypto";
import type { BacktestData, BacktestWindow } from "./backtest-data.ts";
import type { ForecastModel } from "./families.ts";
import type { CachedQuantiles } from "./quantile-cache.ts";
import { type DrawSpec, firstSteps, type SeriesForecast } from "./quantile-forecast.ts";
import { randomKey } from "./random.ts";
import { temper } from "./sampling.ts";

/**
 * Draws differ from window to window and agree between configurations (common random numbers); where the data says the
 * time of its steps they go by that, so that a window found again in next week's history has the same draws.
 */
export function windowSeed(
  { series, times, grid }: BacktestData,
  window: BacktestWindow,
  seed: number,
): number {
  const { entity } = series[window.series]!;
  // In steps, as observations are a few seconds early or late, and the grid with them.
  const at = times === undefined ? window.cutoff : Math.round(times[window.cutoff]! / (grid?.stepMs ?? 1));
  return entity === null ? randomKey(seed, at) : randomKey(seed, at, textKey(entity));
}

function textKey(text: string): number {
  return Number.parseInt(hash("sha1", text).slice(0, 8), 16);
}

/** The first `steps` steps of a prediction as a forecast. Its draws are remembered with it. */
export function drawWindow(
  model: ForecastModel,
  entry: CachedQuantiles,
  steps: number,
  spec: DrawSpec,
): SeriesForecast {
  const forecast = firstSteps(entry.forecast, steps);
  const key = `${spec.num_samples}:${spec.seed}:${steps}`;
  const summary = entry.summaries.get(key) ?? model.summarise(forecast, spec);
  entry.summaries.set(key, summary);
  return temper(forecast, summary, model.sampling === "own" ? 1 : spec.temperature);
}
