import { InvalidInputError } from "../errors.ts";
import type { ForecastSpec, QuantileForecast, QuantileSpec, SeriesForecast } from "./quantile-forecast.ts";
import type { QuantileModel } from "./quantile-model.ts";
import { drawForecast } from "./sampling.ts";
import { deseasonalise, detectSeasonLength } from "./seasonality.ts";
import { unroll } from "./unroll.ts";

export type {
  DrawSpec,
  ForecastSpec,
  QuantileForecast,
  QuantileSpec,
  SeriesForecast,
} from "./quantile-forecast.ts";
export { drawForecast } from "./sampling.ts";

/** Observed values a context must hold at least. */
export const MIN_OBSERVED = 4;

/**
 * Forecasts series as forecasters serve and backtests score them: last `context_length` points, season out, model
 * (unrolled past its block), season back in, draws. Series do not influence each other.
 *
 * @param contexts one per series, oldest step first, NaN for missing
 * @returns one forecast per context; values that are not finite mean that the model failed on it
 * @throws {InvalidInputError} for a context with fewer than 4 observed values and for numbers out of range
 */
export async function forecastSeries(
  model: QuantileModel,
  contexts: readonly Float32Array[],
  spec: ForecastSpec,
): Promise<SeriesForecast[]> {
  const quantiles = await predictQuantiles(model, contexts, spec);
  return quantiles.map((forecast) => drawForecast(forecast, spec));
}

/** The costly half of `forecastSeries`: everything but the draws. Depends on the context and `QuantileSpec` alone. */
export async function predictQuantiles(
  model: QuantileModel,
  contexts: readonly Float32Array[],
  spec: QuantileSpec,
): Promise<QuantileForecast[]> {
  const { quantile_levels: levels, horizon: block, context_length: contextLength } = model.manifest;
  const predicted = await predictWithoutSeason(contexts, spec, (inputs) =>
    unroll(model.predictBlock, inputs, spec.horizon, { block, levels, contextLength }),
  );
  return predicted.map((values) => ({ levels, horizon: spec.horizon, values }));
}

/**
 * Shows `predict` each context cut to its last `context_length` points and without its season, and adds the season to
 * every value it predicts.
 *
 * @param predict returns per context [horizon, any], row-major
 * @returns the same with the season
 * @throws as `takeContexts`
 */
export async function predictWithoutSeason(
  contexts: readonly Float32Array[],
  spec: QuantileSpec,
  predict: (inputs: readonly Float32Array[]) => Promise<readonly Float64Array[]>,
): Promise<Float64Array[]> {
  const prepared = takeContexts(contexts, spec).map((context) =>
    deseasonalise(context, seasonLengthOf(context, spec)),
  );
  const predicted = await predict(prepared.map(({ values }) => Float32Array.from(values)));
  return predicted.map((values, s) => {
    const width = values.length / spec.horizon;
    return values.map((value, i) => value + prepared[s]!.seasonAt(Math.floor(i / width) + 1));
  });
}

/**
 * The last `context_length` points of each context, checked.
 *
 * @throws {InvalidInputError} for a `horizon` or `context_length` that is no positive integer, an infinite value,
 *   and fewer observed values than `MIN_OBSERVED`
 */
export function takeContexts(contexts: readonly Float32Array[], spec: QuantileSpec): Float32Array[] {
  for (const field of ["horizon", "context_length"] as const) {
    const value = spec[field];
    if (!Number.isInteger(value) || value < 1) {
      throw new InvalidInputError(`${field} is ${value}, expected a positive number of steps`);
    }
  }
  return contexts.map((context, s) => {
    const taken = context.slice(-spec.context_length);
    let observed = 0;
    for (const value of taken) {
      if (Math.abs(value) === Infinity)
        throw new InvalidInputError(`context ${s} holds ${value}, expected finite values or NaN for missing`);
      if (!Number.isNaN(value)) observed += 1;
    }
    if (observed < MIN_OBSERVED) {
      throw new InvalidInputError(
        `context ${s} has ${observed} observed values in its last ${spec.context_length} steps, needs at least ${MIN_OBSERVED}`,
      );
    }
    return taken;
  });
}

/** The season length in force for one context: the given one, or the detected one for "auto". */
export function seasonLengthOf(context: Float32Array, { season_length = 1 }: QuantileSpec): number {
  return season_length === "auto" ? detectSeasonLength(context) : season_length;
}
