import { hash } from "node:crypto";
import { type BacktestData, type BacktestWindow, seriesInfo } from "./backtest-data.ts";
import type { ForecastModel } from "./families.ts";
import { type CachedQuantiles, QuantileCache } from "./quantile-cache.ts";
import type { ForecastSpec, SeriesInfo } from "./quantile-forecast.ts";

/** One forecast to ask the model for. */
interface Asked {
  readonly context: Float32Array;
  readonly info: SeriesInfo | undefined;
  readonly key: string;
}

/**
 * Predictions of windows, in their order, from the cache or from the model.
 *
 * The model is asked for up to `batch` windows at once. Those of one cutoff stay together where the model forecasts series
 * jointly, and are remembered as one then.
 */
export async function predictWindows(
  model: ForecastModel,
  data: BacktestData,
  windows: readonly BacktestWindow[],
  spec: ForecastSpec,
  { cache, batch }: { readonly cache: QuantileCache; readonly batch: number },
): Promise<CachedQuantiles[]> {
  const predictions: CachedQuantiles[] = [];
  for (const part of parts(windows, batch, model.joint === true)) {
    const asked = part.map((window) => askedOf(model, data, window, spec));
    predictions.push(...(await predict(model, model.joint ? jointly(asked, part) : asked, spec, cache)));
  }
  return predictions;
}

async function predict(
  model: ForecastModel,
  asked: readonly Asked[],
  spec: ForecastSpec,
  cache: QuantileCache,
): Promise<CachedQuantiles[]> {
  const known = asked.map(({ key }) => cache.get(key));
  const isMissing = (at: number) => known[at] === undefined || (model.joint && known.includes(undefined));
  const missing = asked.filter((_, at) => isMissing(at));
  if (missing.length === 0) return known as CachedQuantiles[];

  const contexts = missing.map(({ context }) => context);
  const infos = missing.flatMap(({ info }) => info ?? []);
  const series = infos.length === missing.length ? infos : undefined;
  const startedAt = performance.now();
  const forecasts = await model.predictQuantiles(contexts, { ...spec, series });
  const inferenceMs = (performance.now() - startedAt) / missing.length;
  let next = 0;
  return asked.map(({ key }, at) => {
    if (!isMissing(at)) return known[at]!;
    const entry = { forecast: forecasts[next++]!, inferenceMs, summaries: new Map() };
    cache.set(key, entry);
    return entry;
  });
}

function askedOf(
  model: ForecastModel,
  data: BacktestData,
  window: BacktestWindow,
  spec: ForecastSpec,
): Asked {
  const end = window.cutoff + 1;
  const { values } = data.series[window.series]!;
  const context = Float32Array.from(values.subarray(Math.max(0, end - spec.context_length), end));
  const info = seriesInfo(data, window);
  return { context, info, key: QuantileCache.key(context, spec, model.sampling, info) };
}

/** Each forecast of a joint model depends on all contexts of its cutoff. */
function jointly(asked: readonly Asked[], windows: readonly BacktestWindow[]): Asked[] {
  const companies = Map.groupBy(asked, (_, at) => windows[at]!.cutoff);
  const companyKeys = new Map(
    [...companies].map(([cutoff, members]) => [cutoff, hash("sha1", members.map(({ key }) => key).join())]),
  );
  return asked.map((each, at) => ({ ...each, key: `${each.key}:${companyKeys.get(windows[at]!.cutoff)}` }));
}

/** Runs of at most `batch` windows; a cutoff is never divided where `whole` says so. */
function parts(windows: readonly BacktestWindow[], batch: number, whole: boolean): BacktestWindow[][] {
  const made: BacktestWindow[][] = [];
  windows.forEach((window, w) => {
    const last = made.at(-1);
    const continues = whole && windows[w - 1]?.cutoff === window.cutoff;
    if (last !== undefined && (last.length < batch || continues)) last.push(window);
    else made.push([window]);
  });
  return made;
}
