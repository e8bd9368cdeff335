import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { z } from "zod";
import { explain } from "../../errors.ts";
import { type Bundle, bundleFile } from "../bundle/bundle.ts";
import type { LoadOptions, OpenedFamily } from "../family.ts";
import { takeContexts } from "../forecast.ts";
import { ModelMismatchError, parseModelJson } from "../manifest.ts";
import { checkFinite, leftPad, probeSeries } from "../onnx-model.ts";
import { createSession } from "../onnx-session.ts";
import { onnxruntime } from "../onnxruntime.ts";
import type { ForecastSpec, QuantileForecast } from "../quantile-forecast.ts";
import { summariseDraws } from "../sampling.ts";
import { TrainedManifest, Vocabulary } from "./contract.ts";

const MAX_BATCH = 32;

/**
 * Opens a model that an external trainer has made, by its manifest: context in, quantiles out, with the entity's number
 * where the model asks for it. Two plain series are forecast first, so that a bad model fails here and not when it
 * serves.
 *
 * @param what what to call it in errors
 * @throws {ModelMismatchError} when the bundle lacks a file, the graph has other inputs or outputs than the manifest says,
 *   or answers with another shape or with values that are not finite
 */
export async function openCommandModel(
  bundle: Bundle,
  what: string,
  options: LoadOptions = {},
): Promise<OpenedFamily> {
  const manifest = parse(bundle, "manifest.json", TrainedManifest, what);
  const vocabulary =
    manifest.entity_input === undefined ? [] : parse(bundle, "vocabulary.json", Vocabulary, what);
  const ids = new Map(vocabulary.map((entity, id) => [entity, id]));
  const idOf = (entity: string | null | undefined) => ids.get(entity ?? "") ?? vocabulary.length;
  const name = `model.onnx of '${what}'`;
  const session = await createSession(bundleFile(bundle, "model.onnx", what), name, options);
  try {
    const predict = await predictor(session, manifest, name);
    const { context_length } = manifest;
    const probe = probeSeries(context_length);
    const padded = probe.slice(Math.floor(context_length / 2));
    const answers = await predict([probe, padded], [0, vocabulary.length]);
    checkFinite(answers, name);
    return {
      sampling: "layer",
      predictQuantiles: (contexts, spec) => forecast(predict, manifest, contexts, spec, idOf, name),
      summarise: summariseDraws,
      release: () => session.release(),
    };
  } catch (error) {
    await session.release();
    if (error instanceof ModelMismatchError) throw error;
    throw new ModelMismatchError(`${name} breaks its manifest: ${explain(error)}`, { cause: error });
  }
}

/** @returns [series, horizon, levels] row-major */
type Predict = (contexts: readonly Float32Array[], ids: readonly number[]) => Promise<Float32Array>;

async function predictor(
  session: InferenceSession,
  manifest: TrainedManifest,
  name: string,
): Promise<Predict> {
  const { Tensor: Tensors } = await onnxruntime();
  const { input, entity_input, output, context_length, horizon, quantile_levels } = manifest;
  const promised = [input, ...(entity_input === undefined ? [] : [entity_input])];
  if (
    session.inputNames.toSorted().join() !== promised.toSorted().join() ||
    !session.outputNames.includes(output)
  ) {
    const has = `inputs ${session.inputNames} and outputs ${session.outputNames}`;
    throw new ModelMismatchError(`${name} has ${has}, its manifest promises ${promised} and ${output}`);
  }
  const size = horizon * quantile_levels.length;
  return async (contexts, ids) => {
    const result = new Float32Array(contexts.length * size);
    for (let from = 0; from < contexts.length; from += MAX_BATCH) {
      const batch = contexts.slice(from, from + MAX_BATCH);
      const feeds: Record<string, Tensor> = {
        [input]: new Tensors("float32", leftPad(batch, batch.length, context_length), [
          batch.length,
          context_length,
        ]),
      };
      if (entity_input !== undefined) {
        const numbers = BigInt64Array.from(ids.slice(from, from + MAX_BATCH), BigInt);
        feeds[entity_input] = new Tensors("int64", numbers, [batch.length]);
      }
      const { type, dims, data } = (await session.run(feeds, [output]))[output] as Tensor;
      const expected = [batch.length, horizon, quantile_levels.length];
      if (type !== "float32" || dims.join() !== expected.join())
        throw new ModelMismatchError(
          `${name} gave ${type}[${dims}], its manifest promises float32[${expected}]`,
        );
      result.set(data as Float32Array, from * size);
    }
    return result;
  };
}

async function forecast(
  predict: Predict,
  manifest: TrainedManifest,
  contexts: readonly Float32Array[],
  spec: ForecastSpec,
  idOf: (entity: string | null | undefined) => number,
  name: string,
): Promise<QuantileForecast[]> {
  const { horizon: block, quantile_levels: levels } = manifest;
  const { horizon } = spec;
  if (horizon > block)
    throw new ModelMismatchError(`${name} was trained for ${block} steps ahead, ${horizon} are asked for`);
  const taken = takeContexts(contexts, spec);
  const values = await predict(
    taken,
    taken.map((_, s) => idOf(spec.series?.[s]?.entity)),
  );
  const width = levels.length;
  return taken.map((_, s) => {
    const own = Float64Array.from(values.subarray(s * block * width, (s * block + horizon) * width));
    for (let h = 0; h < horizon; h += 1) own.subarray(h * width, (h + 1) * width).sort();
    return { levels, horizon, values: own };
  });
}

function parse<T>(bundle: Bundle, file: string, schema: z.ZodType<T>, what: string): T {
  const text = new TextDecoder().decode(bundleFile(bundle, file, what));
  return parseModelJson(schema, text, `${file} of bundle '${what}'`);
}
