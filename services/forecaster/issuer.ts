import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { Prediction } from "../../shared/contracts/telemetry.ts";
import { RetuneError } from "../../shared/errors.ts";
import { isFiniteForecast } from "../../shared/forecasting/quantile-forecast.ts";
import type { ContextStore } from "./context-store.ts";
import type { ServedModel } from "./model-host.ts";
import { forecastSpec, toPredictions } from "./predictions.ts";

/** The model answered with something that is no forecast. */
export class NotFiniteError extends RetuneError {
  readonly disposition = "retry";
}

/** A live config with its model: what is served. */
export interface LiveModel {
  readonly config: LiveConfig;
  readonly revision: number;
  readonly model: ServedModel;
  readonly loadedAt: string;
  /** The forecast computed last and what it was computed from. */
  newest: { readonly from: string; readonly forecast: Promise<Prediction[]> } | undefined;
}

/**
 * Forecasts of one variant of one forecaster. The newest one of a live model is computed once, however often it
 * is asked for, until an observation changes what it was computed from.
 */
export class Issuer {
  private readonly spec: ForecasterSpec;
  private readonly store: ContextStore;
  private readonly variant: "champion" | "challenger";
  private readonly onLatency: (ms: number) => void;

  constructor(
    spec: ForecasterSpec,
    store: ContextStore,
    variant: "champion" | "challenger",
    onLatency: (ms: number) => void,
  ) {
    this.spec = spec;
    this.store = store;
    this.variant = variant;
    this.onLatency = onLatency;
  }

  /**
   * The forecast after the observation at `issuedAtMs`.
   *
   * @throws {InvalidInputError} when there are too few observations
   * @throws {NotFiniteError} when the model fails on them
   */
  issue(live: LiveModel, issuedAtMs: number): Promise<Prediction[]> {
    const from = `${issuedAtMs}:${this.store.version}`;
    if (live.newest?.from === from) return live.newest.forecast;
    const forecast = this.compute(live, issuedAtMs);
    const entry = { from, forecast };
    live.newest = entry;
    forecast.catch(() => {
      if (live.newest === entry) live.newest = undefined;
    });
    return forecast;
  }

  private async compute({ config, model }: LiveModel, issuedAtMs: number): Promise<Prediction[]> {
    const begun = performance.now();
    const { spec, variant } = this;
    const entity = spec.entity ?? null;
    const asked = forecastSpec(spec, config, [{ entity, endMs: issuedAtMs }]);
    const context = this.store.context(issuedAtMs, config.context_length, spec);
    const [forecast] = await model.forecast([context], asked);
    if (forecast === undefined || !isFiniteForecast(forecast)) {
      throw new NotFiniteError(
        `the model answers the context up to ${new Date(issuedAtMs).toISOString()} with values that are not finite`,
      );
    }
    const latencyMs = performance.now() - begun;
    this.onLatency(latencyMs);
    const isKnown = knows(model, entity);
    return toPredictions(forecast, { spec, config, variant, entity, isKnown, issuedAtMs, latencyMs });
  }
}

/** Whether a model was trained with an entity. One without a vocabulary forecasts whatever it is shown. */
export function knows({ vocabulary }: Pick<ServedModel, "vocabulary">, entity: string | null): boolean {
  return entity === null || vocabulary === null || vocabulary.has(entity);
}
