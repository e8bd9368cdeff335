import type { ModelParams } from "../contracts/live-config.ts";

/** The nine levels Chronos-Bolt predicts. */
export const NINE_LEVELS: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** A predicted law for each step ahead of one series, before sampling. */
export interface QuantileForecast {
  /** probabilities in (0, 1), ascending, on both sides of one half */
  readonly levels: readonly number[];
  /** steps */
  readonly horizon: number;
  /** [horizon, levels], row-major, unit of the series, ascending over the levels */
  readonly values: Float64Array;
  /** of a family that draws itself: what its samples come to, which its quantiles alone do not tell */
  readonly drawn?: DrawSummary | undefined;
}

/** What the draws from a law come to. [horizon] each, unit of the series. */
export type DrawSummary = Pick<SeriesForecast, "mean" | "lower" | "upper">;

/** A law's first `steps` steps, without copies. */
export function firstSteps({ levels, values, drawn }: QuantileForecast, steps: number): QuantileForecast {
  return {
    levels,
    horizon: steps,
    values: values.subarray(0, steps * levels.length),
    drawn: drawn && {
      mean: drawn.mean.subarray(0, steps),
      lower: drawn.lower.subarray(0, steps),
      upper: drawn.upper.subarray(0, steps),
    },
  };
}

/** A forecast of one series as it is published and scored. All values in the unit of the series. */
export interface SeriesForecast {
  /** [horizon] */
  readonly mean: Float64Array;
  /** [horizon], 2.5 % quantile */
  readonly lower: Float64Array;
  /** [horizon], 97.5 % quantile */
  readonly upper: Float64Array;
  readonly levels: readonly number[];
  /** [horizon] rows of [levels]: the model's quantiles after temperature */
  readonly quantiles: readonly Float64Array[];
}

/** What decides the quantiles of a forecast: costly to change. */
export interface QuantileSpec {
  /** steps to forecast */
  readonly horizon: number;
  /** steps of the past that are looked at; a model may take fewer */
  readonly context_length: number;
  /** steps in a season, 1 or absent for none, "auto" to detect it in the context */
  readonly season_length?: number | "auto" | undefined;
  /** the family's own parameters; one left out has its default */
  readonly model_params?: ModelParams | undefined;
  /** which series each context is of and when it ends, for families that look at it; as many as contexts */
  readonly series?: readonly SeriesInfo[] | undefined;
  /** for families that look at calendar time */
  readonly grid?: StepGrid | undefined;
}

/** The steps of a series in time. */
export interface StepGrid {
  readonly stepMs: number;
  /** weekdays: Saturday and Sunday (UTC) are no steps */
  readonly calendar: "all" | "weekdays";
}

/** What is known of a context beside its values. */
export interface SeriesInfo {
  /** null where the series has no entities */
  readonly entity: string | null;
  /** time of the newest step, ms since the epoch */
  readonly endMs: number;
}

/** What is drawn from the quantiles: cheap to change. */
export interface DrawSpec {
  readonly num_samples: number;
  /** 1 leaves the spread as predicted; 0.8 narrows and 1.2 widens it about the median */
  readonly temperature: number;
  /** integer */
  readonly seed: number;
}

export interface ForecastSpec extends QuantileSpec, DrawSpec {}

/** Everything is finite, so that it can be served. */
export function isFiniteForecast(forecast: SeriesForecast): boolean {
  return [forecast.mean, forecast.lower, forecast.upper].every((values) => values.every(Number.isFinite));
}
