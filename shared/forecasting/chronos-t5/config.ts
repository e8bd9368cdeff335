import { z } from "zod";
import { parseModelJson } from "../manifest.ts";

/** What the model's `config.json` says of tokens and lengths. Nothing of it is assumed. */
const ChronosConfig = z
  .looseObject({
    tokenizer_class: z.literal("MeanScaleUniformBins"),
    tokenizer_kwargs: z.looseObject({
      low_limit: z.number().describe("centre of the lowest bin, in units of the scale"),
      high_limit: z.number().describe("centre of the highest bin"),
    }),
    model_type: z.literal("seq2seq"),
    n_tokens: z.int().positive().describe("size of the vocabulary, special tokens included"),
    n_special_tokens: z.int().nonnegative(),
    pad_token_id: z.int().nonnegative(),
    eos_token_id: z.int().nonnegative(),
    use_eos_token: z.boolean(),
    context_length: z.int().positive().describe("most steps the model looks at"),
    prediction_length: z.int().positive().describe("steps decoded from one context"),
    top_k: z.int().nonnegative().describe("0 for all"),
    top_p: z.number().gt(0).max(1),
  })
  .refine(({ tokenizer_kwargs: { low_limit, high_limit } }) => high_limit > low_limit, {
    path: ["tokenizer_kwargs"],
    error: "expected high_limit above low_limit",
  })
  .refine(({ n_tokens, n_special_tokens }) => n_tokens - n_special_tokens >= 3, {
    path: ["n_tokens"],
    error: "expected room for two bins at least",
  });
export type ChronosConfig = z.infer<typeof ChronosConfig>;

export const ChronosT5Config = z
  .looseObject({
    chronos_config: ChronosConfig,
    decoder_start_token_id: z.int().nonnegative(),
    vocab_size: z.int().positive(),
    d_model: z.int().positive(),
    d_kv: z.int().positive().describe("size of an attention head"),
    num_heads: z.int().positive(),
    num_layers: z.int().positive(),
    num_decoder_layers: z.int().positive().nullish().describe("num_layers unless told"),
  })
  .refine(({ vocab_size, chronos_config }) => vocab_size === chronos_config.n_tokens, {
    path: ["vocab_size"],
    error: "expected as many as chronos_config.n_tokens",
  });
export type ChronosT5Config = z.infer<typeof ChronosT5Config>;

/** @throws {ModelMismatchError} naming the model and each wrong field */
export function readConfig(text: string, what: string): ChronosT5Config {
  return parseModelJson(ChronosT5Config, text, `config.json of '${what}'`);
}
