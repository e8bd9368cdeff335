import { InvalidInputError } from "../errors.ts";
import { coverage, errorStd, mae, mape, mase, meanError, naiveScale, rmse } from "../statistics/errors.ts";
import type { BacktestPlan } from "./backtest-plan.ts";
import type { ForecastModel } from "./families.ts";
import { type CachedQuantiles, QuantileCache } from "./quantile-cache.ts";
import {
  type DrawSpec,
  type ForecastSpec,
  isFiniteForecast,
  type QuantileSpec,
  type SeriesForecast,
} from "./quantile-forecast.ts";
import { randomKey } from "./random.ts";
import { temper } from "./sampling.ts";

export { type BacktestPlan, planBacktest } from "./backtest-plan.ts";

export interface BacktestSeries {
  /** on a regular grid, oldest first, NaN for missing, unit of the series */
  readonly values: Float64Array;
  /** steps in a season, 1 for none, "auto" to detect it in each context */
  readonly seasonLength: number | "auto";
}

/** The configuration that is tried: what to look at and what to draw. */
export type BacktestSpec = DrawSpec & Pick<QuantileSpec, "context_length" | "model_params">;

/** Errors are forecast − actual, in the unit of the series, over all steps of all windows with an observed target. */
export interface BacktestResult {
  /** infinite when a forecast was not finite (A-OPT-2); so are mae, mape, mase and error_std then */
  readonly rmse: number;
  /** percent; null where every actual is 0 */
  readonly mape: number | null;
  readonly mae: number;
  /** mae / in-sample seasonal naive mae of the points up to the first cutoff; null where that is 0 */
  readonly mase: number | null;
  readonly error_std: number;
  readonly mean_error: number;
  /** share of targets inside the 95 % interval */
  readonly coverage: number;
  /** targets scored */
  readonly n: number;
  readonly windows: number;
}

/**
 * Walk-forward backtest: at each cutoff the model forecasts from the points up to it, and no others.
 *
 * Draws differ from window to window and agree between configurations (common random numbers), so that the
 * difference of two results is not the luck of the draw. Predictions are computed only as far as there are targets.
 *
 * @param cache predictions of this very model to reuse and to add to; results are the same with and without
 * @throws {InvalidInputError} when no target is observed, and as `forecastSeries` for contexts too short
 */
export async function backtest(
  model: ForecastModel,
  series: BacktestSeries,
  plan: BacktestPlan,
  spec: BacktestSpec,
  cache: QuantileCache = new QuantileCache(),
): Promise<BacktestResult & { readonly inference_ms: number }> {
  const { values, seasonLength } = series;
  const first = plan.cutoffs[0];
  if (first === undefined) throw new InvalidInputError("the backtest has no windows");
  const horizon = Math.min(plan.horizon, values.length - 1 - first);
  const forecastSpec = { ...spec, horizon, season_length: seasonLength };
  const predictions = await predictWindows(model, values, plan.cutoffs, forecastSpec, cache);

  const scored = emptyScores();
  let finite = true;
  plan.cutoffs.forEach((cutoff, w) => {
    const steps = Math.min(horizon, values.length - 1 - cutoff);
    const forecast = drawWindow(model, predictions[w]!, steps, {
      ...spec,
      seed: randomKey(spec.seed, cutoff),
    });
    finite &&= isFiniteForecast(forecast);
    for (let h = 0; h < steps; h += 1) {
      const actual = values[cutoff + 1 + h]!;
      if (Number.isNaN(actual)) continue;
      scored.actual.push(actual);
      scored.forecast.push(forecast.mean[h]!);
      scored.lower.push(forecast.lower[h]!);
      scored.upper.push(forecast.upper[h]!);
    }
  });
  if (scored.actual.length === 0) throw new InvalidInputError("no target of the backtest is observed");
  const counts = { n: scored.actual.length, windows: plan.cutoffs.length };
  const inference_ms =
    predictions.reduce((sum, { inferenceMs }) => sum + inferenceMs, 0) / predictions.length;
  if (!finite) return { ...FAILED, ...counts, inference_ms };
  const history = values.subarray(0, first + 1);
  return { ...measure(scored, history, seasonLength === "auto" ? 1 : seasonLength), ...counts, inference_ms };
}

const FAILED = {
  rmse: Infinity,
  mape: Infinity,
  mae: Infinity,
  mase: Infinity,
  error_std: Infinity,
  mean_error: Infinity,
  coverage: 0,
};

async function predictWindows(
  model: ForecastModel,
  values: Float64Array,
  cutoffs: readonly number[],
  spec: ForecastSpec,
  cache: QuantileCache,
): Promise<CachedQuantiles[]> {
  const windows = cutoffs.map((cutoff) => {
    const from = Math.max(0, cutoff + 1 - spec.context_length);
    const context = Float32Array.from(values.subarray(from, cutoff + 1));
    return { context, key: QuantileCache.key(context, spec, model.sampling) };
  });
  const results = windows.map(({ key }) => cache.get(key));
  const missing = windows.filter((_, w) => results[w] === undefined);
  if (missing.length === 0) return results as CachedQuantiles[];

  const contexts = missing.map(({ context }) => context);
  const startedAt = performance.now();
  const forecasts = await model.predictQuantiles(contexts, spec);
  const inferenceMs = (performance.now() - startedAt) / missing.length;
  let next = 0;
  return windows.map(({ key }, w) => {
    const known = results[w];
    if (known !== undefined) return known;
    const entry = { forecast: forecasts[next++]!, inferenceMs, summaries: new Map() };
    cache.set(key, entry);
    return entry;
  });
}

/** The first `steps` steps of a prediction as a forecast. Its draws are remembered with it. */
function drawWindow(
  model: ForecastModel,
  entry: CachedQuantiles,
  steps: number,
  spec: DrawSpec,
): SeriesForecast {
  const { levels, values } = entry.forecast;
  const forecast = { levels, horizon: steps, values: values.subarray(0, steps * levels.length) };
  const key = `${spec.num_samples}:${spec.seed}:${steps}`;
  const summary = entry.summaries.get(key) ?? model.summarise(forecast, spec);
  entry.summaries.set(key, summary);
  return temper(forecast, summary, model.sampling === "own" ? 1 : spec.temperature);
}

type Scores = Record<"actual" | "forecast" | "lower" | "upper", number[]>;

function emptyScores(): Scores {
  return { actual: [], forecast: [], lower: [], upper: [] };
}

function measure(scored: Scores, history: Float64Array, seasonLength: number) {
  const errors = Float64Array.from(scored.forecast, (value, i) => value - scored.actual[i]!);
  return {
    rmse: rmse(errors),
    mape: mape(scored.actual, scored.forecast),
    mae: mae(errors),
    mase: mase(errors, naiveScale(history, seasonLength)),
    error_std: errorStd(errors),
    mean_error: meanError(errors),
    coverage: coverage(scored.actual, scored.lower, scored.upper),
  };
}
