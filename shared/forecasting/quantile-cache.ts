import { hash } from "node:crypto";
import type { OpenedFamily } from "./family.ts";
import type { ForecastSpec, QuantileForecast } from "./quantile-forecast.ts";
import type { DrawSummary } from "./sampling.ts";

/** A prediction, what it cost, and the draws from it, which all temperatures share. */
export interface CachedQuantiles {
  readonly forecast: QuantileForecast;
  /** milliseconds its share of the batch took */
  readonly inferenceMs: number;
  /** what was drawn from it so far */
  readonly summaries: Map<string, DrawSummary>;
}

/**
 * Remembers the predictions of one model, least recently used first out. A key is the content of the context with
 * the `QuantileSpec`, never a place in a series: a context that comes back next week, or in another series, is the
 * same context, and what lies after the cutoff cannot enter.
 */
export class QuantileCache {
  private readonly entries = new Map<string, CachedQuantiles>();
  private readonly capacity: number;
  hits = 0;
  misses = 0;

  /** @param capacity predictions kept; one of 64 steps takes about 5 kB */
  constructor(capacity = 4096) {
    this.capacity = capacity;
  }

  /** @param sampling who draws: what a family draws itself depends on the whole spec */
  static key(
    context: Float32Array,
    spec: ForecastSpec,
    sampling: OpenedFamily["sampling"] = "layer",
  ): string {
    const bytes = new Uint8Array(context.buffer, context.byteOffset, context.byteLength);
    const { context_length, horizon, season_length = 1, model_params = {} } = spec;
    const own = Object.entries(model_params).sort(([a], [b]) => (a < b ? -1 : 1));
    const drawn = sampling === "own" ? [spec.num_samples, spec.temperature, spec.seed] : [];
    return [hash("sha1", bytes), context_length, horizon, season_length, ...own.flat(), ...drawn].join(":");
  }

  get(key: string): CachedQuantiles | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry;
  }

  set(key: string, entry: CachedQuantiles): void {
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (this.entries.size > this.capacity) this.entries.delete(this.entries.keys().next().value!);
  }
}
