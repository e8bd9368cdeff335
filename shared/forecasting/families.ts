import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MODEL_FAMILIES } from "../contracts/live-config.ts";
import { InvalidInputError } from "../errors.ts";
import { lastValue, seasonalNaive } from "./baselines.ts";
import { predictQuantiles, seasonLengthOf, takeContexts } from "./forecast.ts";
import { readManifest } from "./manifest.ts";
import { loadOnnxModel, type OnnxModelOptions } from "./onnx-model.ts";
import type {
  DrawSpec,
  ForecastSpec,
  QuantileForecast,
  QuantileSpec,
  SeriesForecast,
} from "./quantile-forecast.ts";
import { type DrawSummary, summariseDraws, summariseExactly, temper } from "./sampling.ts";

export type FamilyName = (typeof MODEL_FAMILIES)[number];

/** One model behind the field `model` of a live config, ready to forecast. */
export interface ForecastModel {
  readonly name: FamilyName;
  /** The costly half: depends on the contexts and `QuantileSpec` alone. Throws as `forecastSeries`. */
  readonly predictQuantiles: (
    contexts: readonly Float32Array[],
    spec: QuantileSpec,
  ) => Promise<QuantileForecast[]>;
  /** The cheap half, up to the temperature, which `temper` then applies. Pure. */
  readonly summarise: (quantiles: QuantileForecast, spec: DrawSpec) => DrawSummary;
  /** Both halves, for each context. */
  readonly forecast: (contexts: readonly Float32Array[], spec: ForecastSpec) => Promise<SeriesForecast[]>;
  /** Frees the model. Nothing may be forecast afterwards. */
  readonly release: () => Promise<void>;
}

type Halves = Pick<ForecastModel, "predictQuantiles" | "summarise" | "release">;

/** How a model file is loaded. */
export type LoadOptions = Pick<OnnxModelOptions, "optimise">;

const FAMILIES: Record<
  FamilyName,
  (artifact: string | Uint8Array | undefined, options: LoadOptions) => Promise<Halves>
> = {
  "chronos-bolt": openChronosBolt,
  "seasonal-naive": async () =>
    baseline((context, spec) => seasonalNaive(context, spec.horizon, seasonLengthOf(context, spec))),
  "last-value": async () => baseline((context, spec) => lastValue(context, spec.horizon)),
};

/**
 * Opens a model family. A file named `model.onnx` takes the `manifest.json` beside it, if there is one; any other
 * file's manifest is discovered from its graph.
 *
 * @param artifact path or bytes of the model file; only families with a file need it
 * @throws {InvalidInputError} for an unknown family, or a missing artifact of a family that needs one
 * @throws {ModelMismatchError} when the file cannot be used
 */
export async function openFamily(
  name: string,
  artifact?: string | Uint8Array,
  options: LoadOptions = {},
): Promise<ForecastModel> {
  if (!Object.hasOwn(FAMILIES, name)) {
    throw new InvalidInputError(
      `model family '${name}' is unknown, expected one of ${MODEL_FAMILIES.join(", ")}`,
    );
  }
  const family = name as FamilyName;
  const halves = await FAMILIES[family](artifact, options);
  return {
    name: family,
    ...halves,
    forecast: async (contexts, spec) => {
      const quantiles = await halves.predictQuantiles(contexts, spec);
      return quantiles.map((forecast) =>
        temper(forecast, halves.summarise(forecast, spec), spec.temperature),
      );
    },
  };
}

async function openChronosBolt(
  artifact: string | Uint8Array | undefined,
  options: LoadOptions,
): Promise<Halves> {
  if (artifact === undefined)
    throw new InvalidInputError("model family 'chronos-bolt' needs a model file, none was given");
  const manifest = typeof artifact === "string" ? await manifestBeside(artifact) : undefined;
  const model = await loadOnnxModel(artifact, { manifest, ...options });
  return {
    predictQuantiles: (contexts, spec) => predictQuantiles(model, contexts, spec),
    summarise: summariseDraws,
    release: model.release,
  };
}

async function manifestBeside(path: string) {
  if (basename(path) !== "model.onnx") return undefined;
  const manifest = join(dirname(path), "manifest.json");
  const exists = await access(manifest).then(
    () => true,
    () => false,
  );
  return exists ? readManifest(manifest) : undefined;
}

/** A baseline states its law exactly, so nothing is drawn from it. */
function baseline(law: (context: Float32Array, spec: QuantileSpec) => QuantileForecast): Halves {
  return {
    predictQuantiles: async (contexts, spec) =>
      takeContexts(contexts, spec).map((context) => law(context, spec)),
    summarise: summariseExactly,
    release: async () => {},
  };
}
