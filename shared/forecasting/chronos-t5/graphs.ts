import type { InferenceSession, Tensor } from "onnxruntime-node";
import { explain } from "../../errors.ts";
import { ModelMismatchError } from "../manifest.ts";
import { createSession, type SessionOptions } from "../onnx-session.ts";
import { onnxruntime } from "../onnxruntime.ts";
import type { ChronosT5Config } from "./config.ts";
import { type CacheNames, checkDecoder, checkEncoder, presentOf } from "./contract.ts";
import type { TokenizedContext } from "./tokenizer.ts";

/** Inputs of a run by name. */
export type Feeds = Readonly<Record<string, Tensor>>;

/** What the model makes of a context before anything is drawn: it serves every temperature, cut and path. */
export interface Start {
  /** [vocabulary], of the first step ahead */
  readonly logits: Float32Array;
  /** inputs of every later step, of one row each: the encoder's output and what attention makes of it */
  readonly encoded: Feeds;
  /** the decoder's own cache after its start token, one row */
  readonly own: Feeds;
  /** size of all of it */
  readonly bytes: number;
}

/** Paths that are decoded side by side. Made by `fork`; each `step` changes it. */
export interface Paths {
  readonly rows: number;
  readonly encoded: Feeds;
  own: Feeds;
}

/** The encoder and the merged decoder of a Chronos-T5. */
export interface T5Graphs {
  readonly start: (context: Pick<TokenizedContext, "tokens" | "mask">) => Promise<Start>;
  readonly fork: (start: Start, rows: number) => Paths;
  /** @param tokens the newest of each path, [rows] @returns logits of what follows, [rows, vocabulary] */
  readonly step: (paths: Paths, tokens: ArrayLike<number>) => Promise<Float32Array>;
  readonly release: () => Promise<void>;
}

/**
 * Loads both graphs of optimum's export and tries them: their names and sizes against the config, then two steps of a
 * plain context, so that a bad file fails when it is deployed. The caller owns the result.
 *
 * Later steps feed the encoder's side with one row for all paths where the graph broadcasts it, which the trial finds
 * out: at 20 paths that spares reading it 20 times at every step.
 *
 * @param what what to call the model in errors
 * @throws {ModelMismatchError} for files that cannot be used, and those that contradict the config
 */
export async function loadGraphs(
  files: { readonly encoder: Uint8Array; readonly decoder: Uint8Array },
  config: ChronosT5Config,
  what: string,
  options: SessionOptions = {},
): Promise<T5Graphs> {
  const encoder = await createSession(files.encoder, `encoder of '${what}'`, options);
  let decoder: InferenceSession | undefined;
  const release = async () => {
    await encoder.release();
    await decoder?.release();
  };
  try {
    checkEncoder(encoder, config, `encoder of '${what}'`);
    decoder = await createSession(files.decoder, `decoder of '${what}'`, options);
    const names = checkDecoder(decoder, config, `decoder of '${what}'`);
    const run = { encoder, decoder, names, config, what };
    const shared = await graphsOf(run, true);
    const apart = await graphsOf(run, false);
    const { fork, step } = (await broadcasts(shared, apart, config)) ? shared : apart;
    return { start: apart.start, fork, step, release };
  } catch (error) {
    await release();
    if (error instanceof ModelMismatchError) throw error;
    throw new ModelMismatchError(`model '${what}' breaks its promise: ${explain(error)}`, { cause: error });
  }
}

interface Sessions {
  readonly encoder: InferenceSession;
  readonly decoder: InferenceSession;
  readonly names: CacheNames;
  readonly config: ChronosT5Config;
  readonly what: string;
}

/** @param shared one row of the encoder's side serves all paths */
async function graphsOf(
  { encoder, decoder, names, config, what }: Sessions,
  shared: boolean,
): Promise<Omit<T5Graphs, "release">> {
  const { Tensor } = await onnxruntime();
  const { vocab_size: vocabulary, num_heads, d_kv, decoder_start_token_id } = config;
  const ids = (values: ArrayLike<number>, dims: number[]) =>
    new Tensor("int64", BigInt64Array.from(Array.from(values), BigInt), dims);
  const flag = (value: boolean) => new Tensor("bool", Uint8Array.of(value ? 1 : 0), [1]);
  const nothing = new Tensor("float32", new Float32Array(0), [1, num_heads, 0, d_kv]);
  const wanted = (inputs: Feeds) =>
    Object.fromEntries(
      decoder.inputNames.filter((name) => name in inputs).map((name) => [name, inputs[name]!]),
    );
  const takeLogits = (tensor: Tensor | undefined, rows: number) => {
    const logits = tensor?.data as Float32Array;
    if (tensor?.dims.join() !== [rows, 1, vocabulary].join()) {
      throw new ModelMismatchError(
        `decoder of '${what}' gave logits [${tensor?.dims}], config.json promises [${rows},1,${vocabulary}]`,
      );
    }
    if (!areFinite(logits))
      throw new ModelMismatchError(`decoder of '${what}' answers with logits that are not finite`);
    return logits;
  };

  const start: T5Graphs["start"] = async ({ tokens, mask }) => {
    const length = [1, tokens.length];
    const attention = ids(mask, length);
    const inputs: Feeds = { input_ids: ids(tokens, length), attention_mask: attention };
    const { last_hidden_state: hidden } = await encoder.run(
      Object.fromEntries(encoder.inputNames.map((name) => [name, inputs[name]!])),
    );
    const first = await decoder.run(
      wanted({
        input_ids: ids([decoder_start_token_id], [1, 1]),
        encoder_attention_mask: attention,
        encoder_hidden_states: hidden!,
        ...Object.fromEntries([...names.own, ...names.cross].map((name) => [name, nothing])),
        use_cache_branch: flag(false),
      }),
    );
    const kept = (pasts: readonly string[]) => pasts.map((name) => [name, first[presentOf(name)]!] as const);
    const encoded = wanted({
      encoder_attention_mask: attention,
      encoder_hidden_states: hidden!,
      ...Object.fromEntries(kept(names.cross)),
    });
    const own = Object.fromEntries(kept(names.own));
    const tensors = [...Object.values(encoded), ...Object.values(own), first.logits!];
    const bytes = tensors.reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0);
    return { logits: takeLogits(first.logits, 1), encoded, own, bytes };
  };

  const fork: T5Graphs["fork"] = ({ encoded, own }, rows) => {
    const repeat = (feeds: Feeds): Feeds =>
      Object.fromEntries(
        Object.entries(feeds).map(([name, { type, data, dims }]) => {
          const repeated = repeatRow(data as Float32Array | BigInt64Array, rows);
          return [name, new Tensor(type, repeated, [rows, ...dims.slice(1)])];
        }),
      );
    return { rows, encoded: shared ? encoded : repeat(encoded), own: repeat(own) };
  };

  const fetched = ["logits", ...names.own.map(presentOf)];
  const step: T5Graphs["step"] = async (paths, tokens) => {
    const inputs = { input_ids: ids(tokens, [paths.rows, 1]), use_cache_branch: flag(true) };
    const result = await decoder.run(wanted({ ...inputs, ...paths.encoded, ...paths.own }), fetched);
    paths.own = Object.fromEntries(names.own.map((name) => [name, result[presentOf(name)]!]));
    return takeLogits(result.logits, paths.rows);
  };

  return { start, fork, step };
}

/** Tries both on a plain context: `apart` must answer, and `shared` may be used where it answers the same. */
async function broadcasts(
  shared: Omit<T5Graphs, "release">,
  apart: Omit<T5Graphs, "release">,
  { chronos_config: { n_special_tokens, n_tokens } }: ChronosT5Config,
): Promise<boolean> {
  const bins = n_tokens - n_special_tokens - 1;
  const tokens = Int32Array.from({ length: 24 }, (_, t) => n_special_tokens + 1 + (((bins >> 1) + t) % bins));
  const start = await apart.start({ tokens, mask: new Int32Array(tokens.length).fill(1) });
  const answers = async ({ fork, step }: Omit<T5Graphs, "release">) => {
    const paths = fork(start, 2);
    await step(paths, tokens.subarray(0, 2));
    return step(paths, tokens.subarray(2, 4));
  };
  const expected = await answers(apart);
  const found = await answers(shared).catch(() => undefined);
  const tolerance = 1e-5 * Math.max(1, ...expected.map(Math.abs));
  return found?.every((logit, i) => Math.abs(logit - expected[i]!) <= tolerance) ?? false;
}

/** A loop: at a vocabulary of 4096, `every` with its callback takes as long as a law does. */
function areFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i += 1) if (!Number.isFinite(values[i]!)) return false;
  return true;
}

function repeatRow<T extends Float32Array | BigInt64Array>(row: T, times: number): T {
  const repeated = new (row.constructor as new (length: number) => T)(row.length * times);
  for (let i = 0; i < times; i += 1) repeated.set(row as never, i * row.length);
  return repeated;
}
