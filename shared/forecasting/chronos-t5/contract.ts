import type { InferenceSession } from "onnxruntime-node";
import { ModelMismatchError } from "../manifest.ts";
import type { ChronosT5Config } from "./config.ts";

type Values = readonly InferenceSession.ValueMetadata[];

/** Names of a decoder's cached attention: `past_key_values.0.decoder.key` in, `present.0.decoder.key` out. */
export interface CacheNames {
  /** grows with every step */
  readonly own: readonly string[];
  /** made from the encoder's output, once */
  readonly cross: readonly string[];
}

const PAST = "past_key_values.";
const PRESENT = "present.";
const ENCODER_INPUTS = ["input_ids", "attention_mask"];
const DECODER_INPUTS = ["input_ids", "encoder_attention_mask", "encoder_hidden_states", "use_cache_branch"];
const HOW = "expected the files of optimum's task text2text-generation-with-past";

/** The output that holds what the input `past` is to be fed with next. */
export function presentOf(past: string): string {
  return past.replace(PAST, PRESENT);
}

/** @throws {ModelMismatchError} when the encoder is no T5 encoder, or another than the config describes */
export function checkEncoder(session: InferenceSession, config: ChronosT5Config, name: string): void {
  const { inputMetadata: inputs, outputMetadata: outputs } = session;
  const strange = inputs.find((input) => !ENCODER_INPUTS.includes(input.name));
  if (strange !== undefined || !session.inputNames.includes("input_ids")) {
    throw new ModelMismatchError(
      `${name} has inputs ${session.inputNames}, expected input_ids and attention_mask; ${HOW}`,
    );
  }
  promise(outputs, "last_hidden_state", [undefined, undefined, config.d_model], name, "d_model");
}

/**
 * @returns the inputs that carry its cache
 * @throws {ModelMismatchError} when the decoder is not merged, or another than the config describes
 */
export function checkDecoder(session: InferenceSession, config: ChronosT5Config, name: string): CacheNames {
  const { inputNames, inputMetadata: inputs, outputMetadata: outputs } = session;
  const missing = ["input_ids", "use_cache_branch"].find((input) => !inputNames.includes(input));
  if (missing !== undefined) {
    throw new ModelMismatchError(`${name} has no input ${missing}, so it is no merged decoder; ${HOW}`);
  }
  const pasts = inputNames.filter((input) => input.startsWith(PAST));
  const strange = inputNames.find((input) => !DECODER_INPUTS.includes(input) && !pasts.includes(input));
  if (strange !== undefined)
    throw new ModelMismatchError(`${name} has an input ${strange} of unknown use; ${HOW}`);

  const layers = config.num_decoder_layers ?? config.num_layers;
  const expected = Array.from({ length: layers }, (_, i) => i).flatMap((i) =>
    ["decoder", "encoder"].flatMap((side) => ["key", "value"].map((kind) => `${PAST}${i}.${side}.${kind}`)),
  );
  if (pasts.toSorted().join() !== expected.toSorted().join()) {
    throw new ModelMismatchError(
      `${name} caches ${pasts.length} tensors, config.json has ${layers} decoder layers, expected ${expected.length} as ${expected[0]}`,
    );
  }
  for (const past of pasts) {
    const shape = [undefined, config.num_heads, undefined, config.d_kv];
    promise(inputs, past, shape, name, "num_heads and d_kv");
    promise(outputs, presentOf(past), shape, name, "num_heads and d_kv");
  }
  promise(outputs, "logits", [undefined, undefined, config.vocab_size], name, "vocab_size");
  const isOwn = (past: string) => past.includes(".decoder.");
  return { own: pasts.filter(isOwn), cross: pasts.filter((past) => !isOwn(past)) };
}

/** A value must be float32 and, where both sides say a size, of that size. */
function promise(
  values: Values,
  value: string,
  sizes: readonly (number | undefined)[],
  name: string,
  fields: string,
): void {
  const found = values.find((each) => each.name === value);
  if (!found?.isTensor) {
    throw new ModelMismatchError(
      `${name} has no tensor ${value} but ${values.map((each) => each.name)}; ${HOW}`,
    );
  }
  const { type, shape } = found;
  if (type !== "float32") throw new ModelMismatchError(`${name} has ${value} as ${type}, expected float32`);
  const differs = sizes.some(
    (size, axis) => size !== undefined && typeof shape[axis] === "number" && shape[axis] !== size,
  );
  if (differs || shape.length !== sizes.length) {
    const wanted = sizes.map((size) => size ?? "any");
    throw new ModelMismatchError(
      `${name} has ${value} [${shape}], config.json (${fields}) promises [${wanted}]`,
    );
  }
}
