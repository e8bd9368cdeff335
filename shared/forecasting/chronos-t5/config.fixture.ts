import type { ChronosConfig } from "./config.ts";

/** That of the released models. */
export const RELEASED: ChronosConfig = {
  tokenizer_class: "MeanScaleUniformBins",
  tokenizer_kwargs: { low_limit: -15, high_limit: 15 },
  model_type: "seq2seq",
  n_tokens: 4096,
  n_special_tokens: 2,
  pad_token_id: 0,
  eos_token_id: 1,
  use_eos_token: true,
  context_length: 512,
  prediction_length: 64,
  top_k: 50,
  top_p: 1,
};
