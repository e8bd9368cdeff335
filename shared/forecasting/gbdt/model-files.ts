import { z } from "zod";
import { explain } from "../../errors.ts";
import { type Bundle, bundleFile } from "../bundle/bundle.ts";
import { ModelMismatchError } from "../manifest.ts";
import type { SessionOptions } from "../onnx-session.ts";
import type { TargetEncoder } from "../tabular/target-encoder.ts";
import type { Booster } from "./booster.ts";
import { decodeBooster, encodeBooster } from "./codec.ts";
import { type OnnxPredictor, openOnnxPredictor } from "./onnx-predictor.ts";
import { boosterToOnnx } from "./to-onnx.ts";

/** Trees with what turns the text of their last features into numbers. */
export interface TreeModel {
  readonly booster: Booster;
  readonly encoders: readonly TargetEncoder[];
}

const GRAPH = "model.onnx";
const TREES = "trees.json";
const VOCABULARY = "vocabulary.json";

const StoredEncoders = z.array(
  z.object({
    name: z.string(),
    vocabulary: z.array(z.string()),
    values: z.array(z.number()),
    prior: z.number(),
  }),
);

/** A model as files of a bundle: the graph that serves, the trees that a warm start goes on from, the vocabularies. */
export function modelFiles({ booster, encoders }: TreeModel): Map<string, Uint8Array> {
  const stored = encoders.map((encoder) => ({ ...encoder, values: [...encoder.values] }));
  return new Map([
    [GRAPH, boosterToOnnx(booster, encoders)],
    [TREES, encodeBooster(booster)],
    [VOCABULARY, new TextEncoder().encode(`${JSON.stringify(stored, null, 2)}\n`)],
  ]);
}

/**
 * The model for a warm start.
 *
 * @param what what to call the bundle in errors
 * @throws {ModelMismatchError} naming the file that is missing or cannot be read
 */
export function readModel(bundle: Bundle, what: string): TreeModel {
  const booster = decodeBooster(bundleFile(bundle, TREES, what), what);
  try {
    const text = new TextDecoder().decode(bundleFile(bundle, VOCABULARY, what));
    const stored = StoredEncoders.parse(JSON.parse(text));
    return { booster, encoders: stored.map((each) => ({ ...each, values: Float32Array.from(each.values) })) };
  } catch (cause) {
    if (cause instanceof ModelMismatchError) throw cause;
    throw new ModelMismatchError(`${VOCABULARY} of '${what}' cannot be used: ${explain(cause)}`, { cause });
  }
}

/** The model for serving. The caller releases it. @throws {ModelMismatchError} as `openOnnxPredictor` */
export async function openModel(
  bundle: Bundle,
  what: string,
  options: SessionOptions = {},
): Promise<OnnxPredictor> {
  return openOnnxPredictor(bundleFile(bundle, GRAPH, what), what, options);
}
