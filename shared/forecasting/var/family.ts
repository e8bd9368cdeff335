import { type ModelFamily, type OpenedFamily, parameterOf } from "../family.ts";
import { seasonLengthOf, takeContexts } from "../forecast.ts";
import { bridgedInflation, interpolate } from "../interpolate.ts";
import type { QuantileForecast, QuantileSpec } from "../quantile-forecast.ts";
import { summariseExactly } from "../sampling.ts";
import { deseasonalise } from "../seasonality.ts";
import { type VarOptions, vectorAutoregression } from "./var.ts";

/** Series forecast together at most; a larger fleet is forecast one by one. */
const MOST_TOGETHER = 16;

/** A series with less than this share of the longest one's values would shorten the past of all others. */
const SHORTEST_SHARE = 0.5;

/**
 * Contexts of different entities that end at the same time, as `spec.series` tells, are forecast together: a value of
 * one may help to forecast another. Contexts that end at different times never meet, so that a backtest's later
 * windows cannot tell its earlier ones what came. Without `series` every context is forecast alone, as AR(p).
 *
 * Fitted to each context anew, after the season was taken out by classical decomposition and missing values were
 * interpolated, for which its variances are widened (see `bridgedInflation`); a forecast costs about 1 ms alone, 20 ms for
 * 12 series of 365 steps together.
 */
export const varFamily: ModelFamily = {
  name: "var",
  heeds: ["context_length", "temperature"],
  parameters: [
    {
      name: "lags",
      description: "steps back that an equation looks at; as many weights for each series",
      kind: "integer",
      min: 1,
      max: 24,
      default: 2,
    },
    {
      name: "differences",
      description: "0 models values, 1 their changes, auto changes where most series wander (KPSS test)",
      kind: "choice",
      choices: ["auto", 0, 1],
      default: "auto",
    },
    {
      name: "ridge",
      description: "pull of the weights towards 0, relative to the mean square of a regressor",
      kind: "float",
      min: 1e-6,
      max: 10,
      log: true,
      default: 1e-3,
    },
  ],
  artifact: "none",
  open: async () => opened,
};

const opened: OpenedFamily = {
  sampling: "layer",
  joint: true,
  predictQuantiles: async (contexts, spec) => {
    const taken = takeContexts(contexts, spec);
    const results: QuantileForecast[] = [];
    for (const group of groups(taken, spec)) {
      const forecasts = forecastTogether(
        group.map((s) => taken[s]!),
        spec,
      );
      group.forEach((s, i) => {
        results[s] = forecasts[i]!;
      });
    }
    return results;
  },
  summarise: summariseExactly,
  release: async () => {},
};

/** Indexes of the contexts that are forecast together. */
function groups(contexts: readonly Float32Array[], { series }: QuantileSpec): number[][] {
  const alone = contexts.map((_, s) => [s]);
  if (series === undefined) return alone;
  return [...Map.groupBy(contexts.keys(), (s) => series[s]!.endMs).values()].flatMap((ending) => {
    const entities = new Set(ending.map((s) => series[s]!.entity));
    const together = entities.size === ending.length && ending.length <= MOST_TOGETHER;
    return together ? byLength(ending, contexts) : ending.map((s) => [s]);
  });
}

/** Those long enough as one group, each of the others alone. */
function byLength(indexes: readonly number[], contexts: readonly Float32Array[]): number[][] {
  const lengthOf = (s: number) => {
    const context = contexts[s]!;
    return context.length - context.findIndex((value) => !Number.isNaN(value));
  };
  const least = SHORTEST_SHARE * Math.max(...indexes.map(lengthOf));
  const long = indexes.filter((s) => lengthOf(s) >= least);
  return [long, ...indexes.filter((s) => lengthOf(s) < least).map((s) => [s])];
}

function forecastTogether(contexts: readonly Float32Array[], spec: QuantileSpec): QuantileForecast[] {
  const prepared = contexts.map((context) =>
    deseasonalise(interpolate(context), seasonLengthOf(context, spec)),
  );
  const forecasts = vectorAutoregression(
    prepared.map(({ values }) => values),
    spec.horizon,
    optionsOf(spec),
    contexts.map(bridgedInflation),
  );
  return forecasts.map((forecast, s) => {
    const width = forecast.levels.length;
    const { seasonAt } = prepared[s]!;
    return {
      ...forecast,
      values: forecast.values.map((value, i) => value + seasonAt(Math.floor(i / width) + 1)),
    };
  });
}

function optionsOf({ model_params }: QuantileSpec): VarOptions {
  const value = (name: string) => parameterOf(varFamily, name, model_params);
  const differences = value("differences") === "auto" ? "auto" : Number(value("differences"));
  return { lags: Number(value("lags")), differences, ridge: Number(value("ridge")) };
}
