import { hash } from "node:crypto";
import type { OpenedFamily } from "./family.ts";
import type { ForecastSpec, QuantileForecast, SeriesInfo } from "./quantile-forecast.ts";
import type { DrawSummary } from "./sampling.ts";

/** A prediction, what it cost, and the draws from it, which all temperatures share. */
export interface CachedQuantiles {
  readonly forecast: QuantileForecast;
  /** milliseconds its share of the batch took */
  readonly inferenceMs: number;
  /** what was drawn from it so far */
  readonly summaries: Map<string, DrawSummary>;
}

const MAX_RESERVED = 32_768;

/**
 * Remembers the predictions of one model, least recently used first out. A key is the content of the context with
 * the `QuantileSpec`, never a place in a series: what lies after the cutoff cannot enter, and a context that comes back
 * is the same context. Whose it is and when it ends count where they are told, as families may look at them.
 */
export class QuantileCache {
  private readonly entries = new Map<string, CachedQuantiles>();
  private capacity: number;
  hits = 0;
  misses = 0;

  /** @param capacity predictions kept; one of 64 steps takes about 5 kB */
  constructor(capacity = 4096) {
    this.capacity = capacity;
  }

  /** Makes room for so many predictions, up to 32,768: one less than are asked for in turn would keep none of use. */
  reserve(count: number): void {
    this.capacity = Math.max(this.capacity, Math.min(count, MAX_RESERVED));
  }

  /**
   * @param sampling who draws: what a family draws itself depends on the whole spec
   * @param info     of this context; the spec's own `series` are not looked at
   */
  static key(
    context: Float32Array,
    spec: ForecastSpec,
    sampling: OpenedFamily["sampling"] = "layer",
    info?: SeriesInfo,
  ): string {
    const bytes = new Uint8Array(context.buffer, context.byteOffset, context.byteLength);
    const { context_length, horizon, season_length = 1, model_params = {} } = spec;
    const own = Object.entries(model_params).sort(([a], [b]) => (a < b ? -1 : 1));
    const drawn = sampling === "own" ? [spec.num_samples, spec.temperature, spec.seed] : [];
    const whose = info === undefined ? [] : [info.endMs, JSON.stringify(info.entity)];
    const grid = spec.grid === undefined ? [] : [spec.grid.stepMs, spec.grid.calendar];
    const asked = [context_length, horizon, season_length, ...own.flat(), ...drawn, ...whose, ...grid];
    return [hash("sha1", bytes), ...asked].join(":");
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
