import { type ModelFamily, type OpenedFamily, parameterOf } from "../family.ts";
import { seasonLengthOf, takeContexts } from "../forecast.ts";
import { summariseExactly } from "../sampling.ts";
import { ets, type SeasonTreatment } from "./ets.ts";

/** Fitted to each context anew: nothing is trained or stored, and every forecast costs a fit, some 5 to 40 ms. */
export const etsFamily: ModelFamily = {
  name: "ets",
  heeds: ["context_length", "temperature"],
  parameters: [
    {
      name: "season",
      description: "how a season is taken out: stl lets it change, classical does not, none leaves it in",
      kind: "choice",
      choices: ["stl", "classical", "none"],
      default: "stl",
    },
  ],
  artifact: "none",
  open: async () => opened,
};

const opened: OpenedFamily = {
  sampling: "layer",
  predictQuantiles: async (contexts, spec) => {
    const treatment = parameterOf(etsFamily, "season", spec.model_params) as SeasonTreatment;
    return takeContexts(contexts, spec).map((context) =>
      ets(context, spec.horizon, seasonLengthOf(context, spec), treatment),
    );
  },
  summarise: summariseExactly,
  release: async () => {},
};
