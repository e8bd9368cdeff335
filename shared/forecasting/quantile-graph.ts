import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InvalidInputError } from "../errors.ts";
import type { LoadOptions, OpenedFamily } from "./family.ts";
import { predictQuantiles } from "./forecast.ts";
import { type ModelManifest, ModelMismatchError, readManifest } from "./manifest.ts";
import { loadOnnxModel } from "./onnx-model.ts";
import type { QuantileModel } from "./quantile-model.ts";
import { summariseDraws } from "./sampling.ts";

/** A graph of a family whose models predict quantiles, which Retune draws from. */
export interface OpenedGraph extends OpenedFamily {
  readonly manifest: QuantileModel["manifest"];
}

/**
 * Opens a model file of a family that predicts quantiles at once. A file named `model.onnx` takes the `manifest.json`
 * beside it, if there is one; any other file's manifest is discovered from its graph.
 *
 * @throws {InvalidInputError} without a file
 * @throws {ModelMismatchError} when the file cannot be used, or is of another family
 */
export async function openQuantileGraph(
  family: ModelManifest["family"],
  artifact: string | Uint8Array | undefined,
  options: LoadOptions,
): Promise<OpenedGraph> {
  if (artifact === undefined)
    throw new InvalidInputError(`model family '${family}' needs a model file, none was given`);
  const given = typeof artifact === "string" ? await manifestBeside(artifact) : undefined;
  const model = await loadOnnxModel(artifact, { manifest: given, ...options });
  const { manifest, release } = model;
  if (manifest.family !== family) {
    await release();
    const levels = `${manifest.quantile_levels.length} levels`;
    throw new ModelMismatchError(
      `the model is of family '${manifest.family}' (${levels}), expected '${family}'`,
    );
  }
  return {
    manifest,
    sampling: "layer",
    predictQuantiles: (contexts, spec) => predictQuantiles(model, contexts, spec),
    summarise: summariseDraws,
    release,
  };
}

async function manifestBeside(path: string): Promise<ModelManifest | undefined> {
  if (basename(path) !== "model.onnx") return undefined;
  const manifest = join(dirname(path), "manifest.json");
  const exists = await access(manifest).then(
    () => true,
    () => false,
  );
  return exists ? readManifest(manifest) : undefined;
}
