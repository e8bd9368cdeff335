import type { Hyperparameters, ModelParams } from "../contracts/live-config.ts";
import type { Bundle } from "./bundle/bundle.ts";
import type { OnnxModelOptions } from "./onnx-model.ts";
import type {
  DrawSpec,
  ForecastSpec,
  QuantileForecast,
  SeriesForecast,
  StepGrid,
} from "./quantile-forecast.ts";
import type { DrawSummary } from "./sampling.ts";

/**
 * One knob of a family, beside those that every live config has. A search space may hold no other, so it never turns a
 * knob that the family does not have.
 */
export type ModelParameter = {
  readonly name: string;
  /** what it does, in one line, with its unit */
  readonly description: string;
} & (
  | {
      readonly kind: "float" | "integer";
      readonly min: number;
      readonly max: number;
      /** searched on a logarithmic scale */
      readonly log?: boolean;
      readonly default: number;
    }
  | {
      readonly kind: "choice";
      readonly choices: readonly (string | number | boolean)[];
      readonly default: string | number | boolean;
    }
);

/** The fields of every live config that a search may vary. */
export type CommonParameter = "context_length" | "num_samples" | "temperature";

/** A kind of model: what it can be tuned by, and how one of it is made and opened. */
export interface ModelFamily {
  readonly name: string;
  /** Those of the common parameters that change its forecasts; the others are ignored by it. */
  readonly heeds: readonly CommonParameter[];
  readonly parameters: readonly ModelParameter[];
  /**
   * `none`: forecasts from the context alone; `file`: a pretrained model that the spec names; `trained`: a bundle that
   * `train` makes.
   */
  readonly artifact: "none" | "file" | "trained";
  /**
   * @param artifact path or bytes of the model file or bundle; undefined for families without one
   * @throws {InvalidInputError} without an artifact where one is needed
   * @throws {ModelMismatchError} when the file cannot be used
   */
  readonly open: (artifact: string | Uint8Array | undefined, options: LoadOptions) => Promise<OpenedFamily>;
  /** Makes a model from the past of one series or of a fleet. Same request, same bundle, byte for byte. */
  readonly train?: (request: TrainingRequest) => Promise<Bundle>;
}

/** How a model file is loaded. */
export type LoadOptions = Pick<OnnxModelOptions, "optimise">;

/** What a family opens. */
export interface OpenedFamily {
  /**
   * Who draws. `layer`: the family predicts a law that depends on the contexts and the `QuantileSpec` part of the spec
   * alone, and Retune draws from it, with `num_samples`, `temperature` and `seed`. `own`: the family itself draws, and
   * the law it returns, empirical quantiles, depends on the whole spec.
   */
  readonly sampling: "layer" | "own";
  /**
   * Contexts of one call that end at the same time (`spec.series`) influence each other's forecasts, so that a
   * prediction may be remembered for the whole call alone. Absent: each forecast depends on its own context.
   */
  readonly joint?: boolean;
  /** The costly half. @throws as `takeContexts` */
  readonly predictQuantiles: (
    contexts: readonly Float32Array[],
    spec: ForecastSpec,
  ) => Promise<QuantileForecast[]>;
  /** The cheap half, up to the temperature. Pure. */
  readonly summarise: (quantiles: QuantileForecast, spec: DrawSpec) => DrawSummary;
  readonly release: () => Promise<void>;
}

/** One model behind the field `model` of a live config, ready to forecast. */
export interface ForecastModel extends OpenedFamily {
  readonly name: string;
  /** Both halves, for each context. */
  readonly forecast: (contexts: readonly Float32Array[], spec: ForecastSpec) => Promise<SeriesForecast[]>;
}

/** One series to learn from; nothing after its end is known. */
export interface TrainingSeries {
  /** null where the series has no entities */
  readonly entity: string | null;
  /** on the grid, oldest first, NaN for missing, unit of the series */
  readonly values: Float64Array;
  /** time of the last value, ms since the epoch */
  readonly endMs: number;
}

export interface TrainingRequest {
  /** not empty */
  readonly series: readonly TrainingSeries[];
  readonly grid: StepGrid;
  /** steps */
  readonly horizon: number;
  readonly seasonLength: number | "auto";
  readonly params: Hyperparameters;
  readonly seed: number;
  /** goes on from this model (D-TRN-1) where the family can; null: from nothing */
  readonly parent: Bundle | null;
  /** the model file that the spec names, for families that build on one; `family` is the file's own */
  readonly pretrained?: { readonly family: string; readonly bytes: Uint8Array } | undefined;
}

/** The value of a family's parameter: the given one, else its default. */
export function parameterOf(
  family: Pick<ModelFamily, "parameters">,
  name: string,
  params: ModelParams = {},
): string | number | boolean {
  const parameter = family.parameters.find((each) => each.name === name);
  if (parameter === undefined) throw new Error(`the family has no parameter '${name}'`);
  return params[name] ?? parameter.default;
}
