import type { InferenceSession, Tensor } from "onnxruntime-node";
import { ModelMismatchError } from "../manifest.ts";
import { createSession, type SessionOptions } from "../onnx-session.ts";
import { onnxruntime } from "../onnxruntime.ts";
import { FEATURES_INPUT, PREDICTION_OUTPUT } from "./to-onnx.ts";

/** A graph that `boosterToOnnx` wrote, ready to run. */
export interface OnnxPredictor {
  /**
   * @param features   [rows, numeric columns], row-major, columns in the order of the training
   * @param categories text columns by name, [rows] each
   * @returns [rows, outputs], row-major
   */
  readonly predict: (
    features: Float32Array,
    rows: number,
    categories?: Readonly<Record<string, readonly string[]>>,
  ) => Promise<Float32Array>;
  readonly release: () => Promise<void>;
}

/**
 * @param source the file's bytes or its path
 * @param name   what to call it in errors
 * @throws {ModelMismatchError} when the file is no such graph
 */
export async function openOnnxPredictor(
  source: Uint8Array | string,
  name: string,
  options: SessionOptions = {},
): Promise<OnnxPredictor> {
  const session = await createSession(source, name, options);
  const { Tensor: tensors } = await onnxruntime();
  try {
    checkNames(session, name);
  } catch (error) {
    await session.release();
    throw error;
  }
  return {
    predict: async (features, rows, categories = {}) => {
      const width = features.length / rows;
      const feeds: Record<string, Tensor> = {
        [FEATURES_INPUT]: new tensors("float32", features, [rows, width]),
      };
      for (const [column, text] of Object.entries(categories))
        feeds[column] = new tensors("string", [...text], [rows, 1]);
      const results = await session.run(feeds, [PREDICTION_OUTPUT]);
      return results[PREDICTION_OUTPUT]!.data as Float32Array;
    },
    release: () => session.release(),
  };
}

function checkNames({ inputNames, outputNames }: InferenceSession, name: string): void {
  if (inputNames.includes(FEATURES_INPUT) && outputNames.includes(PREDICTION_OUTPUT)) return;
  throw new ModelMismatchError(
    `${name} has inputs ${inputNames} and outputs ${outputNames}, expected ${FEATURES_INPUT} and ${PREDICTION_OUTPUT}`,
  );
}
