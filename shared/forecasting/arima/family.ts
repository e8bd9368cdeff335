import { type ModelFamily, type ModelParameter, type OpenedFamily, parameterOf } from "../family.ts";
import { seasonLengthOf, takeContexts } from "../forecast.ts";
import { summariseExactly } from "../sampling.ts";
import { arima } from "./arima.ts";

/**
 * Fitted to each context anew: nothing is trained or stored, and every forecast costs a fit. With the defaults that is
 * about 3 ms for 365 steps without a season, 10 ms with one of 12; orders of 5 cost up to thirty times that.
 */
export const arimaFamily: ModelFamily = {
  name: "arima",
  heeds: ["context_length", "temperature"],
  parameters: [
    order("p", 5, 1, "autoregressive terms; cost grows with it"),
    {
      name: "d",
      description:
        "differences: 0 for a series that returns to a level, 1 for one that wanders, auto by KPSS test",
      kind: "choice",
      choices: ["auto", 0, 1, 2],
      default: "auto",
    },
    order("q", 5, 1, "moving-average terms; cost grows with it"),
    order("P", 2, 0, "seasonal autoregressive terms, for seasons of at most 24 steps"),
    order("D", 1, 1, "seasonal differences, for seasons of at most 24 steps"),
    order("Q", 2, 1, "seasonal moving-average terms, for seasons of at most 24 steps"),
  ],
  artifact: "none",
  open: async () => opened,
};

const opened: OpenedFamily = {
  sampling: "layer",
  predictQuantiles: async (contexts, spec) => {
    const given = (name: string) => parameterOf(arimaFamily, name, spec.model_params);
    const value = (name: string) => Number(given(name));
    const orders = {
      p: value("p"),
      d: given("d") === "auto" ? ("auto" as const) : value("d"),
      q: value("q"),
      P: value("P"),
      D: value("D"),
      Q: value("Q"),
    };
    return takeContexts(contexts, spec).map((context) =>
      arima(context, spec.horizon, orders, seasonLengthOf(context, spec)),
    );
  },
  summarise: summariseExactly,
  release: async () => {},
};

function order(name: string, max: number, standard: number, description: string): ModelParameter {
  return { name, kind: "integer", min: 0, max, default: standard, description };
}
