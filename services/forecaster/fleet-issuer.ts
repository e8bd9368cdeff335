import { modelVersion } from "../../shared/contracts/live-config.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { Prediction } from "../../shared/contracts/telemetry.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import { MIN_OBSERVED, type SeriesForecast } from "../../shared/forecasting/forecast.ts";
import { isFiniteForecast } from "../../shared/forecasting/quantile-forecast.ts";
import type { ContextStore } from "./context-store.ts";
import type { Member } from "./fleet-store.ts";
import { knows, type LiveModel, NotFiniteError } from "./issuer.ts";
import { forecastSpec, toPredictions } from "./predictions.ts";
import type { Variant } from "./production.ts";

/** Contexts of one run of the model at most: many make a run cheap. */
export const RUN = 128;
const LEAST_RUN = 8;
/** Longest that a run should take, since others wait for the thread meanwhile. */
const RUN_MS = 200;

/** A member, and the time of the observation it is forecast after. */
export interface Due extends Member {
  readonly issuedAtMs: number;
}

/** The records of one member, or why there are none. */
export type Issued =
  | { readonly due: Due; readonly predictions: Prediction[] }
  | ({ readonly due: Due } & Failed);

interface Kept {
  readonly from: string;
  readonly forecast: SeriesForecast;
  readonly latencyMs: number;
}

interface Failed {
  readonly error: unknown;
}

type Outcome = Pick<Kept, "forecast"> | Failed;

/**
 * Forecasts of one variant of a fleet's forecaster: those of many entities in one run of the model. The newest one of
 * each entity is kept with the live model it is of, until an observation changes what it was computed from.
 */
export class FleetIssuer {
  private readonly spec: ForecasterSpec;
  private readonly variant: Variant;
  private readonly onLatency: (ms: number) => void;
  /** Contexts of the next run. */
  private size = RUN;
  private readonly kept = new WeakMap<LiveModel, WeakMap<ContextStore, Kept>>();

  constructor(spec: ForecasterSpec, variant: Variant, onLatency: (ms: number) => void) {
    this.spec = spec;
    this.variant = variant;
    this.onLatency = onLatency;
  }

  /**
   * The forecasts after one observation of each. One that cannot be computed leaves the others alone: its error is an
   * `InvalidInputError` where there are too few observations, a `NotFiniteError` where the model fails on them.
   *
   * @throws whatever stops the model altogether
   */
  async issue(live: LiveModel, dues: readonly Due[]): Promise<Issued[]> {
    const kept = this.kept.get(live) ?? new WeakMap<ContextStore, Kept>();
    this.kept.set(live, kept);
    const outcomes = new Map<Due, Kept | Failed>();
    for (const due of dues) {
      const known = kept.get(due.store);
      if (known?.from === fromOf(due)) outcomes.set(due, known);
    }
    const missing = dues.filter((due) => !outcomes.has(due));
    for (let done = 0; done < missing.length; ) {
      const run = missing.slice(done, done + this.size);
      done += run.length;
      const from = run.map(fromOf);
      const begun = performance.now();
      const forecasts = await this.forecast(live, run);
      const latencyMs = performance.now() - begun;
      this.onLatency(latencyMs);
      const able = Math.floor((RUN_MS * run.length) / latencyMs);
      this.size = Math.min(RUN, Math.max(LEAST_RUN, able));
      run.forEach((due, i) => {
        const outcome = forecasts[i]!;
        const made = "error" in outcome ? outcome : { from: from[i]!, forecast: outcome.forecast, latencyMs };
        outcomes.set(due, made);
        if (!("error" in made)) kept.set(due.store, made);
      });
    }
    return dues.map((due) => {
      const outcome = outcomes.get(due)!;
      if ("error" in outcome) return { due, error: outcome.error };
      return { due, predictions: this.records(live, due, outcome) };
    });
  }

  private async forecast(live: LiveModel, dues: readonly Due[]): Promise<Outcome[]> {
    const { context_length } = live.config;
    const contexts = dues.map(({ store, issuedAtMs }) =>
      store.context(issuedAtMs, context_length, this.spec),
    );
    const outcomes = contexts.map((context, i): Outcome | undefined => {
      const observed = context.reduce((count, value) => (Number.isNaN(value) ? count : count + 1), 0);
      if (observed >= MIN_OBSERVED) return undefined;
      return { error: tooFew(dues[i]!, observed) };
    });
    const able = dues.flatMap((_, i) => (outcomes[i] === undefined ? [i] : []));
    const runs = await this.run(
      live,
      able.map((i) => dues[i]!),
      able.map((i) => contexts[i]!),
    );
    able.forEach((i, place) => {
      outcomes[i] = runs[place]!;
    });
    return outcomes as Outcome[];
  }

  /** Where the model refuses a run, it is halved until those are found that it refuses. */
  private async run(
    live: LiveModel,
    dues: readonly Due[],
    contexts: readonly Float32Array[],
  ): Promise<Outcome[]> {
    if (dues.length === 0) return [];
    const series = dues.map(({ entity, issuedAtMs }) => ({ entity, endMs: issuedAtMs }));
    try {
      const forecasts = await live.model.forecast(contexts, forecastSpec(this.spec, live.config, series));
      return forecasts.map((forecast, i) =>
        isFiniteForecast(forecast) ? { forecast } : { error: notFinite(dues[i]!) },
      );
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      if (dues.length === 1) return [{ error: about(dues[0]!, error) }];
      const half = dues.length >> 1;
      return [
        ...(await this.run(live, dues.slice(0, half), contexts.slice(0, half))),
        ...(await this.run(live, dues.slice(half), contexts.slice(half))),
      ];
    }
  }

  private records({ config, model }: LiveModel, { entity, issuedAtMs }: Due, kept: Kept): Prediction[] {
    const { spec, variant } = this;
    const { forecast, latencyMs } = kept;
    const isKnown = knows(model, entity);
    return toPredictions(forecast, { spec, config, variant, entity, isKnown, issuedAtMs, latencyMs });
  }
}

/** Names a model and what it forecast, so that the same forecasts are the same message. */
export function runKey({ config }: LiveModel, variant: Variant, dues: readonly Due[]): string {
  const what = dues.map(({ entity, issuedAtMs }) => `${entity}\0${issuedAtMs}`).join("\0");
  return `${variant}:${modelVersion(config, variant)}:${what}`;
}

function fromOf({ store, issuedAtMs }: Due): string {
  return `${issuedAtMs}:${store.version}`;
}

function tooFew({ entity }: Due, observed: number): InvalidInputError {
  return new InvalidInputError(
    `entity '${entity}' has ${observed} observed values in its context, needs at least ${MIN_OBSERVED}`,
  );
}

function notFinite({ entity, issuedAtMs }: Due): NotFiniteError {
  return new NotFiniteError(
    `the model answers the context of '${entity}' up to ${new Date(issuedAtMs).toISOString()} with values that are not finite`,
  );
}

function about({ entity }: Due, cause: InvalidInputError): InvalidInputError {
  return new InvalidInputError(`entity '${entity}': ${cause.message}`, { cause });
}
