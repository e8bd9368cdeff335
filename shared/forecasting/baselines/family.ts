import type { ModelFamily, OpenedFamily } from "../family.ts";
import { seasonLengthOf, takeContexts } from "../forecast.ts";
import type { QuantileForecast, QuantileSpec } from "../quantile-forecast.ts";
import { summariseExactly } from "../sampling.ts";
import { lastValue, seasonalNaive } from "./baselines.ts";

export const seasonalNaiveFamily: ModelFamily = baseline("seasonal-naive", (context, spec) =>
  seasonalNaive(context, spec.horizon, seasonLengthOf(context, spec)),
);

export const lastValueFamily: ModelFamily = baseline("last-value", (context, spec) =>
  lastValue(context, spec.horizon),
);

/** A baseline states its law exactly, so nothing is drawn from it. */
function baseline(
  name: string,
  law: (context: Float32Array, spec: QuantileSpec) => QuantileForecast,
): ModelFamily {
  const opened: OpenedFamily = {
    sampling: "layer",
    predictQuantiles: async (contexts, spec) =>
      takeContexts(contexts, spec).map((context) => law(context, spec)),
    summarise: summariseExactly,
    release: async () => {},
  };
  return {
    name,
    heeds: ["context_length", "temperature"],
    parameters: [],
    artifact: "none",
    open: async () => opened,
  };
}
