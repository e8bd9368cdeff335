import { strFromU8, strToU8 } from "fflate";
import { z } from "zod";
import { type Bundle, bundleFile } from "../bundle/bundle.ts";
import { openBundle } from "../bundle/open-bundle.ts";
import { trainedOn } from "../bundle/trained-on.ts";
import {
  type LoadOptions,
  type ModelFamily,
  type OpenedFamily,
  parameterOf,
  type TrainingRequest,
} from "../family.ts";
import { takeContexts } from "../forecast.ts";
import { BOOSTING_DEFAULTS, type BoostingParams } from "../gbdt/boost.ts";
import { openOnnxPredictor } from "../gbdt/onnx-predictor.ts";
import { boosterToOnnx } from "../gbdt/to-onnx.ts";
import { ModelMismatchError } from "../manifest.ts";
import { summariseExactly } from "../sampling.ts";
import { CALENDAR_FIELDS } from "../tabular/calendar.ts";
import { rowsOfStep, type SignalExamples, STEP_AHEAD, signalExamples } from "./examples.ts";
import { LEAST_REACH } from "./features.ts";
import { sizesOf } from "./law.ts";
import { signalMeasures } from "./measures.ts";
import { SIGNAL_PARAMETERS } from "./parameters.ts";
import type { SignalValues } from "./path.ts";
import { fitSignal, selectSignalFeatures, signalProbabilities } from "./pipeline.ts";
import { withColumns } from "./rows.ts";
import { forecastSignals } from "./serve.ts";

const [GRAPH, LAYOUT] = ["model.onnx", "signal.json"];
const WHAT = "signal model";
const FOLDS = 3;
/** Of the rows: the last 2 of 14 days. */
const VALIDATION_SHARE = 1 / 7;

/** How a bundle's model is served. */
export const SignalLayout = z.object({
  values: z.enum(["price", "change"]),
  features: z.array(z.string()).min(1).describe("in the order of the graph's columns"),
  calendar: z.array(z.enum(CALENDAR_FIELDS)),
  reach: z.int().min(LEAST_REACH).describe("steps of the past that a row looks at"),
  sizes: z.array(z.number().nonnegative()).min(2).describe("as sizesOf, in usual moves"),
});
export type SignalLayout = z.infer<typeof SignalLayout>;

/**
 * Boosted trees that tell the probability of a rise from what a price, or a series of changes, did last. (B-TRN-2)
 *
 * Served as the law of a move that goes up with that probability and has the size moves usually have, in the series' own
 * unit: so it is scored, validated and watched like any forecast, the share of the law above the last price is the
 * probability again, and the median lies on the side that is more likely. For a series of changes each step's own change
 * is foretold.
 */
export const signalFamily: ModelFamily = {
  name: "signal",
  heeds: ["context_length"],
  parameters: SIGNAL_PARAMETERS,
  artifact: "trained",
  open,
  train,
};

async function train(request: TrainingRequest): Promise<Bundle> {
  const { series, grid, horizon, params, seed } = request;
  const value = (name: string) => parameterOf(signalFamily, name, params.model_params);
  const kind = value("values") as SignalValues;
  const reach = params.context_length;
  const examples = signalExamples(series, grid, horizon, kind, Number(value("train_steps")), reach);
  const features = value("select_features") ? selected(examples, kind, request) : examples.table.names;
  const boosting: BoostingParams = {
    ...BOOSTING_DEFAULTS,
    learningRate: Number(value("learning_rate")),
    leaves: Number(value("leaves")),
    rounds: Number(value("rounds")),
    minLeaf: Number(value("min_leaf")),
    l2: Number(value("l2")),
    seed,
  };
  const validationRows = Math.floor(VALIDATION_SHARE * examples.table.rows);
  const chosen = { ...examples, table: withColumns(examples.table, features) };
  const booster = fitSignal(chosen, boosting, validationRows);
  const layout: SignalLayout = {
    values: kind,
    features: [...features],
    calendar: examples.calendar,
    reach,
    sizes: [...sizesOf(examples.sizes)],
  };
  return {
    info: {
      format: 1,
      family: signalFamily.name,
      params,
      seed,
      trained_on: trainedOn(series, grid, examples.table.rows),
      rounds: { total: booster.trees.length, added: booster.trees.length },
      features: [...features],
      metrics: validationMetrics(chosen, booster, validationRows),
      parent: null,
      code_version: "",
    },
    files: new Map([
      [GRAPH!, boosterToOnnx(booster)],
      [LAYOUT!, strToU8(`${JSON.stringify(layout, null, 2)}\n`)],
    ]),
  };
}

/**
 * The step ahead and what else is worth looking at. For changes, of which the next one tells the most, features are
 * chosen by the rows of the first step, so that those of later ones do not drown them.
 */
function selected(
  examples: SignalExamples,
  kind: SignalValues,
  { horizon, seed }: Pick<TrainingRequest, "horizon" | "seed">,
): string[] {
  const judged = kind === "change" ? rowsOfStep(examples, 1) : examples;
  const { kept } = selectSignalFeatures(judged, FOLDS, { horizon, seed });
  return [STEP_AHEAD, ...kept.filter((name) => name !== STEP_AHEAD)];
}

function validationMetrics(
  { table, labels }: SignalExamples,
  booster: Parameters<typeof signalProbabilities>[0]["booster"],
  validationRows: number,
): Record<string, number> {
  const from = table.rows - validationRows;
  const probabilities = signalProbabilities({ booster, features: table.names }, table).subarray(from);
  const { accuracy, log_loss, brier } = signalMeasures(labels.subarray(from), probabilities);
  return { validation_rows: validationRows, accuracy, log_loss, brier };
}

async function open(artifact: string | Uint8Array | undefined, options: LoadOptions): Promise<OpenedFamily> {
  const bundle = await openBundle(artifact, signalFamily.name);
  const parsed = SignalLayout.safeParse(JSON.parse(strFromU8(bundleFile(bundle, LAYOUT!, WHAT))));
  if (!parsed.success) throw new ModelMismatchError(`${WHAT}, ${LAYOUT}: ${z.prettifyError(parsed.error)}`);
  const predictor = await openOnnxPredictor(bundleFile(bundle, GRAPH!, WHAT), WHAT, options);
  return {
    // A temperature would move the share above the last price, which is the probability.
    sampling: "own",
    predictQuantiles: (contexts, spec) =>
      forecastSignals(predictor, parsed.data, takeContexts(contexts, spec), spec),
    summarise: summariseExactly,
    release: predictor.release,
  };
}
