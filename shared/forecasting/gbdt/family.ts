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
import { summariseExactly } from "../sampling.ts";
import { featureNames } from "../tabular/series-features.ts";
import { MAX_BINS } from "./bins.ts";
import type { BoostingParams } from "./boost.ts";
import { type ForecasterLayout, forecastRows, parseLayout } from "./forecaster.ts";
import { modelFiles, openModel, readModel } from "./model-files.ts";
import { GBDT_PARAMETERS } from "./parameters.ts";
import type { Reference } from "./scaled-target.ts";
import {
  canContinue,
  continueForecaster,
  type TrainedForecaster,
  type TrainingResult,
  trainForecaster,
} from "./train-forecaster.ts";

/**
 * One model of gradient-boosted trees for one series or a whole fleet: rows of lags, windows, season and calendar,
 * with the step ahead as a feature, measured in each cutoff's own level and scale. Nine quantiles from one set of
 * trees, served by ONNX with the entities' vocabulary in the graph: one that it has not seen is the prior.
 *
 * With a parent of the same horizon, grid and context it goes on from the parent's trees (D-TRN-1); any other parent
 * is left aside, and `rounds` of the bundle says so: all of them are new.
 */
export const gbdtFamily: ModelFamily = {
  name: "gbdt",
  heeds: ["context_length", "temperature"],
  parameters: GBDT_PARAMETERS,
  artifact: "trained",
  open,
  train,
};

const LAYOUT = "forecaster.json";
const WHAT = "gbdt model";
/** Of the rounds of a training from nothing, what an incremental one adds at most. */
const ADDED_SHARE = 0.1;
/** Each level's turn comes every nine rounds: three turns without a gain are enough. */
const PATIENCE = 27;

async function train(request: TrainingRequest): Promise<Bundle> {
  const parent = request.parent === null ? null : readForecaster(request.parent);
  const settings = settingsOf(request);
  if (parent === null || !canContinue(parent, request))
    return bundle(request, trainForecaster(request, settings));
  const seenMs = Date.parse(request.parent!.info.trained_on.to);
  const rounds = Math.ceil(ADDED_SHARE * settings.boosting.rounds);
  return bundle(request, continueForecaster(request, { ...settings.boosting, rounds }, parent, seenMs));
}

function settingsOf({ params, seed }: TrainingRequest) {
  const value = (name: string) => parameterOf(gbdtFamily, name, params.model_params);
  const number = (name: string) => Number(value(name));
  const boosting: BoostingParams = {
    learningRate: number("learning_rate"),
    leaves: number("leaves"),
    rounds: number("rounds"),
    minLeaf: number("min_leaf"),
    l2: number("l2"),
    featureShare: number("feature_share"),
    rowShare: number("row_share"),
    maxBins: MAX_BINS,
    patience: PATIENCE,
    seed,
  };
  return {
    boosting,
    lags: number("lags"),
    reference: value("reference") as Reference | "auto",
    selectFeatures: value("select_features") === true,
  };
}

function bundle(request: TrainingRequest, result: TrainingResult): Bundle {
  const { booster, encoders, layout, rounds, rows, metrics } = result;
  return {
    info: {
      format: 1,
      family: gbdtFamily.name,
      params: request.params,
      seed: request.seed,
      trained_on: trainedOn(request.series, request.grid, rows),
      rounds,
      features: [...booster.features],
      vocabulary: encoders.flatMap(({ vocabulary }) => vocabulary),
      metrics: { ...metrics, ...leftAside(layout) },
      parent: null,
      code_version: "",
    },
    files: modelFiles({ booster, encoders }).set(LAYOUT, strToU8(`${JSON.stringify(layout, null, 2)}\n`)),
  };
}

function leftAside({ features, kept }: ForecasterLayout): Record<string, number> {
  return kept === undefined ? {} : { features_left_aside: featureNames(features).length - kept.length };
}

function readForecaster(parent: Bundle): TrainedForecaster {
  return { ...readModel(parent, WHAT), layout: layoutOf(parent) };
}

function layoutOf(bundle: Bundle): ForecasterLayout {
  return parseLayout(strFromU8(bundleFile(bundle, LAYOUT, WHAT)), WHAT);
}

async function open(artifact: string | Uint8Array | undefined, options: LoadOptions): Promise<OpenedFamily> {
  const opened = await openBundle(artifact, gbdtFamily.name);
  const layout = layoutOf(opened);
  const predictor = await openModel(opened, WHAT, options);
  return {
    sampling: "layer",
    predictQuantiles: (contexts, spec) => forecastRows(predictor, layout, contexts, spec),
    summarise: summariseExactly,
    release: predictor.release,
  };
}
