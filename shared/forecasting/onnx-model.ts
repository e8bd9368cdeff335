import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-node";
import { explain } from "../errors.ts";
import { discoverManifest, type ModelInputs, type ModelManifest, ModelMismatchError } from "./manifest.ts";
import { createSession, type SessionOptions } from "./onnx-session.ts";
import { onnxruntime } from "./onnxruntime.ts";
import type { QuantileModel } from "./quantile-model.ts";

export { ModelMismatchError } from "./manifest.ts";
export type { QuantileModel } from "./quantile-model.ts";

/** Series in one run. More gains nothing on small models and leaves the cache. */
const MAX_BATCH = 32;
/** Chronos-Bolt and Chronos-2 read their context in patches of this many steps. */
const PATCH = 16;

export interface OnnxModelOptions extends SessionOptions {
  /** Absent: discovered from the graph. */
  readonly manifest?: ModelManifest | undefined;
}

/**
 * Loads a graph with the contract of Chronos-Bolt or Chronos-2: context in, quantiles out.
 *
 * Its promise is checked here by a run on two probe series, which also warms it up, so that a bad file fails when it
 * is deployed and not on its first request. The caller owns the model and releases it.
 *
 * @param source the file's bytes or its path
 * @throws {ModelMismatchError} when the file is missing, empty, damaged, no ONNX graph or of another shape, or
 *   answers the probe with values that are not finite
 */
export async function loadOnnxModel(
  source: Uint8Array | string,
  options: OnnxModelOptions = {},
): Promise<QuantileModel> {
  const name = typeof source === "string" ? `model '${source}'` : "model";
  const ort = await onnxruntime();
  const session = await createSession(source, name, options);
  try {
    const run = runner(session, ort.Tensor, name);
    let probed = 0;
    const probe = async (inputs: ModelInputs, output: string, length: number) => {
      const answer = await run(inputs, output, [probeSeries(length)], length);
      checkFinite(answer.data as Float32Array, name);
      probed = length;
      return answer;
    };
    const manifest = options.manifest ?? (await discoverManifest(session, probe));
    const predictBlock = blockPredictor(run, manifest, fixedRows(session, manifest) ?? MAX_BATCH, name);
    await checkPromise(predictBlock, manifest, name, probed);
    return { manifest, predictBlock, release: () => session.release() };
  } catch (error) {
    await session.release();
    if (error instanceof ModelMismatchError) throw error;
    throw new ModelMismatchError(`${name} breaks its promise: ${explain(error)}`, { cause: error });
  }
}

/** Runs at most `rows` contexts of `length` steps as one batch and returns one output. */
type Run = (
  inputs: ModelInputs,
  output: string,
  contexts: readonly Float32Array[],
  length: number,
) => Promise<Tensor>;

function runner(session: InferenceSession, tensors: TensorConstructor, name: string): Run {
  return async (inputs, output, contexts, length) => {
    const names = [inputs.input, inputs.mask, inputs.group_ids].filter((each) => each !== undefined);
    if (!names.every((each) => session.inputNames.includes(each)) || !session.outputNames.includes(output)) {
      const has = `inputs ${session.inputNames} and outputs ${session.outputNames}`;
      throw new ModelMismatchError(`${name} has ${has}, its manifest promises ${names} and ${output}`);
    }
    const rows = fixedRows(session, inputs) ?? contexts.length;
    const padded = leftPad(contexts, rows, length);
    const feeds: Record<string, Tensor> = { [inputs.input]: new tensors("float32", padded, [rows, length]) };
    if (inputs.mask !== undefined) {
      const observed = padded.map((value) => (Number.isNaN(value) ? 0 : 1));
      feeds[inputs.mask] = new tensors("float32", observed, [rows, length]);
    }
    if (inputs.group_ids !== undefined) {
      const ids = BigInt64Array.from({ length: rows }, (_, row) => BigInt(row));
      feeds[inputs.group_ids] = new tensors("int64", ids, [rows]);
    }
    const results = await session.run(feeds, [output]);
    return results[output] as Tensor;
  };
}

/** The batch size of a graph that fixes it. */
function fixedRows(session: InferenceSession, { input }: ModelInputs): number | undefined {
  const context = session.inputMetadata.find(({ name }) => name === input);
  const rows = context?.isTensor ? context.shape[0] : undefined;
  return typeof rows === "number" && rows > 0 ? rows : undefined;
}

function blockPredictor(
  run: Run,
  manifest: ModelManifest,
  rows: number,
  name: string,
): QuantileModel["predictBlock"] {
  const { context_length, fixed_context, horizon, quantile_axis, quantile_levels, output } = manifest;
  const levels = quantile_levels.length;
  const size = horizon * levels;
  const promised = quantile_axis === 1 ? [levels, horizon] : [horizon, levels];
  return async (contexts) => {
    const result = new Float32Array(contexts.length * size);
    for (let from = 0; from < contexts.length; from += rows) {
      const batch = contexts.slice(from, from + rows);
      const longest = Math.min(context_length, Math.max(1, ...batch.map((context) => context.length)));
      const length = fixed_context ? context_length : Math.ceil(longest / PATCH) * PATCH;
      const { type, dims, data } = await run(manifest, output, batch, length);
      const [series = 0, ...shape] = dims;
      if (type !== "float32" || series < batch.length || shape.join() !== promised.join()) {
        const promise = `float32[${batch.length},${promised}]`;
        throw new ModelMismatchError(`${name} gave ${type}[${dims}], its manifest promises ${promise}`);
      }
      const values = (data as Float32Array).subarray(0, batch.length * size);
      result.set(ascending(values, horizon, levels, quantile_axis), from * size);
    }
    return result;
  };
}

/** [series, block, levels] with ascending levels, from either order of the last two axes. NaN goes last. */
function ascending(values: Float32Array, horizon: number, levels: number, axis: 1 | 2): Float32Array {
  const result = new Float32Array(values.length);
  const size = horizon * levels;
  for (let row = 0; row * levels < values.length; row += 1) {
    const target = result.subarray(row * levels, (row + 1) * levels);
    const series = Math.floor(row / horizon) * size;
    const h = row % horizon;
    for (let k = 0; k < levels; k += 1)
      target[k] = values[series + (axis === 1 ? k * horizon + h : h * levels + k)]!;
    target.sort();
  }
  return result;
}

/** Rows of `length` steps, each context at the right end, NaN before it. */
export function leftPad(contexts: readonly Float32Array[], rows: number, length: number): Float32Array {
  const padded = new Float32Array(rows * length).fill(Number.NaN);
  contexts.forEach((context, row) => {
    const kept = context.subarray(Math.max(0, context.length - length));
    padded.set(kept, (row + 1) * length - kept.length);
  });
  return padded;
}

/** @param probed length of the plain series it has answered already, 0 for none: a swap waits for each run */
async function checkPromise(
  predictBlock: QuantileModel["predictBlock"],
  { context_length: length }: ModelManifest,
  name: string,
  probed: number,
): Promise<void> {
  const padded = probeSeries(Math.ceil(length / 4));
  checkFinite(await predictBlock(probed === length ? [padded] : [probeSeries(length), padded]), name);
}

export function checkFinite(values: Float32Array, name: string): void {
  if (!values.every(Number.isFinite))
    throw new ModelMismatchError(`${name} answers a plain series with values that are not finite`);
}

/** A plain series: a slow wave about 10. */
export function probeSeries(length: number): Float32Array {
  return Float32Array.from({ length }, (_, t) => 10 + Math.sin(t / 5));
}
