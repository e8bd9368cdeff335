import { strFromU8, strToU8 } from "fflate";
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
import { predictQuantiles, takeContexts } from "../forecast.ts";
import { bridgedInflation, interpolate } from "../interpolate.ts";
import { parseManifest } from "../manifest.ts";
import { loadOnnxModel } from "../onnx-model.ts";
import type { QuantileForecast } from "../quantile-forecast.ts";
import { randomWalkLaw } from "../random-walk.ts";
import { staysInReach } from "../reach.ts";
import { summariseExactly } from "../sampling.ts";
import type { Normalisation } from "./anchor.ts";
import { fitLinear } from "./fit.ts";
import { linearGraph, linearManifest } from "./graph.ts";
import { planWindows } from "./windows.ts";

/**
 * One set of weights for all series, found in closed form, served by ONNX: a forecast is one matrix product. It learns
 * a season by itself if `context_length` spans it, at least twice for comfort. A horizon longer than the trained
 * block is unrolled (see `unroll`). Nothing keeps the weights from growing what they are unrolled over, so that a
 * forecast which explodes is replaced by a random walk.
 *
 * Training on 8,192 windows of 512 steps, the most there can be, takes seconds; on a series of 400 steps a fraction of
 * one. There is no warm start: the closed form has nothing to start from.
 */
export const linearFamily: ModelFamily = {
  name: "linear",
  heeds: ["context_length", "temperature"],
  parameters: [
    {
      name: "ridge",
      description: "pull of the weights towards 0, relative to the mean square of a window's values",
      kind: "float",
      min: 1e-5,
      max: 100,
      log: true,
      default: 0.1,
    },
    {
      name: "normalisation",
      description: "what a window is measured from: its last value (NLinear) or its mean (RLinear)",
      kind: "choice",
      choices: ["last", "mean"],
      default: "last",
    },
  ],
  artifact: "trained",
  open,
  train,
};

const [GRAPH, MANIFEST] = ["model.onnx", "manifest.json"];

async function train(request: TrainingRequest): Promise<Bundle> {
  const { series, params, horizon, grid, seed } = request;
  const value = (name: string) => parameterOf(linearFamily, name, params.model_params);
  const plan = planWindows(series, params.context_length, horizon);
  const fitted = fitLinear(plan, value("normalisation") as Normalisation, Number(value("ridge")));
  const { model, rows, heldOutRows, heldOutMae } = fitted;
  const metrics: Record<string, number> = { held_out_rows: heldOutRows };
  if (heldOutMae !== null) metrics.held_out_scaled_mae = heldOutMae;
  return {
    info: {
      format: 1,
      family: linearFamily.name,
      params,
      seed,
      trained_on: trainedOn(series, grid, rows),
      metrics,
      parent: null,
      code_version: "",
    },
    files: new Map([
      [GRAPH, linearGraph(model)],
      [MANIFEST, strToU8(`${JSON.stringify(linearManifest(model), null, 2)}\n`)],
    ]),
  };
}

async function open(artifact: string | Uint8Array | undefined, options: LoadOptions): Promise<OpenedFamily> {
  const bundle = await openBundle(artifact, linearFamily.name);
  const manifest = parseManifest(strFromU8(bundleFile(bundle, MANIFEST, "linear model")), MANIFEST);
  const model = await loadOnnxModel(bundleFile(bundle, GRAPH, "linear model"), { manifest, ...options });
  return {
    sampling: "layer",
    predictQuantiles: async (contexts, spec) => {
      const taken = takeContexts(contexts, spec);
      const whole = taken.map(interpolate);
      const inputs = whole.map((values) => Float32Array.from(values));
      const forecasts = await predictQuantiles(model, inputs, { ...spec, season_length: 1 });
      return forecasts.map((forecast, s) =>
        explodes(forecast, whole[s]!)
          ? randomWalkLaw(whole[s]!, spec.horizon, bridgedInflation(taken[s]!))
          : forecast,
      );
    },
    summarise: summariseExactly,
    release: model.release,
  };
}

/** Unrolled weights above 1 first show as a few ranges: the ten that other families allow come blocks too late. */
const FARTHEST = 2;

/**
 * Whether the outermost quantiles leave the context by more than twice its range. For a horizon longer than the context
 * by as many times more: a trend that goes on is that far away.
 */
function explodes({ levels, horizon, values }: QuantileForecast, context: Float64Array): boolean {
  const farthest = FARTHEST * Math.max(1, horizon / context.length);
  const none = new Float64Array(horizon);
  return [0, levels.length - 1].some((level) => {
    const quantiles = none.map((_, h) => values[h * levels.length + level]!);
    return !staysInReach(quantiles, none, context, farthest);
  });
}
