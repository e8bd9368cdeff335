import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InvalidInputError } from "../../errors.ts";
import type { LoadOptions, ModelFamily, OpenedFamily } from "../family.ts";
import { predictQuantiles } from "../forecast.ts";
import { readManifest } from "../manifest.ts";
import { loadOnnxModel } from "../onnx-model.ts";
import { summariseDraws } from "../sampling.ts";

/**
 * Any ONNX export of the Chronos-Bolt contract. The model itself is deterministic and has neither samples nor a
 * temperature: those are of Retune's sampling layer, which draws from the quantiles the model predicts.
 *
 * A file named `model.onnx` takes the `manifest.json` beside it, if there is one; any other file's manifest is
 * discovered from its graph.
 */
export const chronosBoltFamily: ModelFamily = {
  name: "chronos-bolt",
  heeds: ["context_length", "num_samples", "temperature"],
  parameters: [],
  artifact: "file",
  open,
};

async function open(artifact: string | Uint8Array | undefined, options: LoadOptions): Promise<OpenedFamily> {
  if (artifact === undefined)
    throw new InvalidInputError("model family 'chronos-bolt' needs a model file, none was given");
  const manifest = typeof artifact === "string" ? await manifestBeside(artifact) : undefined;
  const model = await loadOnnxModel(artifact, { manifest, ...options });
  return {
    sampling: "layer",
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
