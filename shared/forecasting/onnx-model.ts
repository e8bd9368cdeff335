import { open } from "node:fs/promises";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { explain } from "../errors.ts";
import { discoverManifest, type ModelManifest, ModelMismatchError } from "./manifest.ts";
import type { QuantileModel } from "./quantile-model.ts";

export { ModelMismatchError } from "./manifest.ts";
export type { QuantileModel } from "./quantile-model.ts";

/** Series in one run. More gains nothing on small models and leaves the cache. */
const MAX_BATCH = 32;
/** Chronos-Bolt reads its context in patches of this many steps. */
const PATCH = 16;

export interface OnnxModelOptions {
  /** Absent: discovered from the graph. */
  readonly manifest?: ModelManifest | undefined;
  /** Threads of one run; 1 unless told. */
  readonly threads?: number | undefined;
  /**
   * false: the graph runs as the file has it, which loads in three fifths of the time. On a graph whose constants are
   * folded the optimisations gain a run nothing measurable, on others a tenth. What is left is in proportion to the
   * graph's nodes rather than its weights, and a quarter less where the file states the shapes between them.
   */
  readonly optimise?: boolean | undefined;
}

/**
 * Loads a graph with the Chronos-Bolt contract: context in, quantiles out.
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
  const ort = await import("onnxruntime-node");
  const session = await createSession(ort.InferenceSession, source, name, options);
  try {
    const run = runner(session, (data, dims) => new ort.Tensor("float32", data, dims), name);
    let probed = 0;
    const probe = async (input: string, output: string, length: number) => {
      const answer = await run(input, output, [probeSeries(length)], length);
      checkFinite(answer.data as Float32Array, name);
      probed = length;
      return answer;
    };
    const manifest = options.manifest ?? (await discoverManifest(session, probe));
    const predictBlock = blockPredictor(run, manifest, fixedRows(session) ?? MAX_BATCH, name);
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
  input: string,
  output: string,
  contexts: readonly Float32Array[],
  length: number,
) => Promise<Tensor>;

function runner(
  session: InferenceSession,
  tensor: (data: Float32Array, dims: number[]) => Tensor,
  name: string,
): Run {
  const rows = fixedRows(session);
  return async (input, output, contexts, length) => {
    if (!session.inputNames.includes(input) || !session.outputNames.includes(output)) {
      const has = `inputs ${session.inputNames} and outputs ${session.outputNames}`;
      throw new ModelMismatchError(`${name} has ${has}, its manifest promises ${input} and ${output}`);
    }
    const size = rows ?? contexts.length;
    const feed = tensor(leftPad(contexts, size, length), [size, length]);
    const results = await session.run({ [input]: feed }, [output]);
    return results[output] as Tensor;
  };
}

/** The batch size of a graph that fixes it. */
function fixedRows(session: InferenceSession): number | undefined {
  const input = session.inputMetadata[0];
  const rows = input?.isTensor ? input.shape[0] : undefined;
  return typeof rows === "number" && rows > 0 ? rows : undefined;
}

function blockPredictor(
  run: Run,
  manifest: ModelManifest,
  rows: number,
  name: string,
): QuantileModel["predictBlock"] {
  const { context_length, fixed_context, horizon, quantile_axis, quantile_levels, input, output } = manifest;
  const levels = quantile_levels.length;
  const size = horizon * levels;
  const promised = quantile_axis === 1 ? [levels, horizon] : [horizon, levels];
  return async (contexts) => {
    const result = new Float32Array(contexts.length * size);
    for (let from = 0; from < contexts.length; from += rows) {
      const batch = contexts.slice(from, from + rows);
      const longest = Math.min(context_length, Math.max(1, ...batch.map((context) => context.length)));
      const length = fixed_context ? context_length : Math.ceil(longest / PATCH) * PATCH;
      const { type, dims, data } = await run(input, output, batch, length);
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
function leftPad(contexts: readonly Float32Array[], rows: number, length: number): Float32Array {
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

function checkFinite(values: Float32Array, name: string): void {
  if (!values.every(Number.isFinite))
    throw new ModelMismatchError(`${name} answers a plain series with values that are not finite`);
}

/** A plain series: a slow wave about 10. */
function probeSeries(length: number): Float32Array {
  return Float32Array.from({ length }, (_, t) => 10 + Math.sin(t / 5));
}

async function createSession(
  sessions: typeof InferenceSession,
  source: Uint8Array | string,
  name: string,
  { threads = 1, optimise = true }: OnnxModelOptions,
): Promise<InferenceSession> {
  const firstByte = typeof source === "string" ? await readFirstByte(source, name) : source[0];
  if (firstByte === undefined) throw new ModelMismatchError(`${name} is empty`);
  // Spinning threads starve their neighbours on shared cores.
  const extra = { session: { "intra_op.allow_spinning": "0" } };
  const settings = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimise ? ("all" as const) : ("disabled" as const),
    logSeverityLevel: 4 as const,
    extra,
  };
  try {
    return await (typeof source === "string"
      ? sessions.create(source, settings)
      : sessions.create(source, settings));
  } catch (cause) {
    // Exporters write the field ir_version first, whose protobuf key is byte 8.
    const guess =
      firstByte === 8
        ? "is truncated or damaged, or needs operators this runtime lacks"
        : "is not an ONNX file";
    throw new ModelMismatchError(`${name} ${guess} (${explain(cause)})`, { cause });
  }
}

async function readFirstByte(path: string, name: string): Promise<number | undefined> {
  try {
    await using file = await open(path);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead === 0 ? undefined : buffer[0];
  } catch (cause) {
    throw new ModelMismatchError(`${name} cannot be read: ${explain(cause)}`, { cause });
  }
}
