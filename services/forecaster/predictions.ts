import { durationMs } from "../../shared/contracts/duration.ts";
import { type LiveConfig, modelVersion } from "../../shared/contracts/live-config.ts";
import { addSteps, type ForecasterSpec, horizonSteps } from "../../shared/contracts/spec.ts";
import type { Prediction } from "../../shared/contracts/telemetry.ts";
import type { ForecastSpec, SeriesForecast } from "../../shared/forecasting/forecast.ts";
import type { SeriesInfo } from "../../shared/forecasting/quantile-forecast.ts";

/** What a forecast is asked for: the live config on the grid of the spec, for one context each of `series`. */
export function forecastSpec(
  spec: ForecasterSpec,
  config: LiveConfig,
  series: readonly SeriesInfo[],
): ForecastSpec {
  const { context_length, num_samples, temperature, model_params, horizon } = config;
  return {
    horizon: horizonSteps({ ...spec, horizon }),
    context_length,
    num_samples,
    temperature,
    model_params,
    season_length: spec.season_length,
    seed: spec.search.seed,
    series,
    grid: { stepMs: durationMs(spec.step), calendar: spec.calendar },
  };
}

export interface IssuedFrom {
  readonly spec: ForecasterSpec;
  readonly config: LiveConfig;
  readonly variant: "champion" | "challenger";
  /** null where the series has no entities */
  readonly entity: string | null;
  readonly isKnown: boolean;
  /** time of the newest observation the forecast has seen */
  readonly issuedAtMs: number;
  readonly latencyMs: number;
}

/** The records of one forecast, one a step, in the unit of the series. */
export function toPredictions(forecast: SeriesForecast, issued: IssuedFrom): Prediction[] {
  const { spec, config, variant, entity, isKnown, issuedAtMs, latencyMs } = issued;
  const common = {
    issued_at: new Date(issuedAtMs).toISOString(),
    ...(entity === null ? {} : { entity }),
    known_entity: isKnown,
    model_version: modelVersion(config, variant),
    ...(variant === "champion" ? {} : { variant }),
    latency_ms: Math.round(latencyMs * 1000) / 1000,
  };
  return Array.from(forecast.mean, (mean, i) => ({
    ...common,
    target_ts: new Date(addSteps(issuedAtMs, i + 1, spec)).toISOString(),
    step: i + 1,
    mean,
    lower: forecast.lower[i]!,
    upper: forecast.upper[i]!,
    quantiles: Object.fromEntries(
      forecast.levels.map((level, k) => [String(level), forecast.quantiles[i]![k]!]),
    ),
  }));
}
