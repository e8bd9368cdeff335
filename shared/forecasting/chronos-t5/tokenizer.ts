import { upperBound } from "../context.ts";
import type { ChronosConfig } from "./config.ts";

/** A context as the encoder reads it. */
export interface TokenizedContext {
  /** [length], the end-of-sequence token last where the model wants one */
  readonly tokens: Int32Array;
  /** [length], 1 where the model attends, 0 for missing values */
  readonly mask: Int32Array;
  /** unit of the series that is 1 for the model */
  readonly scale: number;
}

export interface Tokenizer {
  /** @param context any length, oldest first, NaN for missing; its last `context_length` steps are read */
  readonly encode: (context: Float32Array) => TokenizedContext;
  /** Value of a token, in the unit of the series; special tokens have the value of the lowest bin. */
  readonly decode: (token: number, scale: number) => number;
}

/**
 * Chronos' `MeanScaleUniformBins`: values divided by their mean absolute value fall into bins of equal width, each a
 * token.
 *
 *     s     = Σ |x_t| / #observed, 1 where that is not above 0
 *     token = #{ boundaries ≤ x_t / s } + n_special_tokens, at most n_tokens − 1
 *
 * All arithmetic is that of 32 bits and the bin is looked up, so that values at the edge of a bin get the token they
 * get in PyTorch. A missing value gets `pad_token_id` and is masked.
 *
 * Source: Ansari et al., "Chronos: learning the language of time series", TMLR 2024, section 3.1.
 */
export function meanScaleUniformBins(config: ChronosConfig): Tokenizer {
  const { n_tokens, n_special_tokens, pad_token_id, eos_token_id, use_eos_token, context_length } = config;
  const { centers, boundaries } = binTables(config);
  const encode = (context: Float32Array): TokenizedContext => {
    const taken = context.subarray(Math.max(0, context.length - context_length));
    const scale = meanAbsolute(taken);
    const length = taken.length + (use_eos_token ? 1 : 0);
    const tokens = new Int32Array(length).fill(eos_token_id);
    const mask = new Int32Array(length).fill(1);
    taken.forEach((value, t) => {
      const missing = Number.isNaN(value);
      const bin = missing ? 0 : upperBound(boundaries, Math.fround(value / scale)) + n_special_tokens;
      tokens[t] = missing ? pad_token_id : Math.min(bin, n_tokens - 1);
      if (missing) mask[t] = 0;
    });
    return { tokens, mask, scale };
  };
  const decode = (token: number, scale: number) => {
    const bin = Math.min(Math.max(token - n_special_tokens - 1, 0), centers.length - 1);
    return Math.fround(centers[bin]! * scale);
  };
  return { encode, decode };
}

/**
 * Centres of the bins, evenly spaced from `low_limit` to `high_limit`, and their boundaries, ±1e20 outermost. The
 * numbers are those of `torch.linspace`: counted from the nearer end, one rounding each.
 */
export function binTables({
  n_tokens,
  n_special_tokens,
  tokenizer_kwargs: { low_limit, high_limit },
}: ChronosConfig): { readonly centers: Float32Array; readonly boundaries: Float32Array } {
  const count = n_tokens - n_special_tokens - 1;
  const step = Math.fround((high_limit - low_limit) / (count - 1));
  const centers = Float32Array.from({ length: count }, (_, k) =>
    k < Math.floor(count / 2) ? low_limit + step * k : high_limit - step * (count - 1 - k),
  );
  const boundaries = new Float32Array(count + 1);
  for (let k = 1; k < count; k += 1) boundaries[k] = Math.fround(centers[k - 1]! + centers[k]!) / 2;
  boundaries[0] = -1e20;
  boundaries[count] = 1e20;
  return { centers, boundaries };
}

function meanAbsolute(values: Float32Array): number {
  let sum = 0;
  let observed = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += Math.abs(value);
    observed += 1;
  }
  const mean = Math.fround(Math.fround(sum) / observed);
  return mean > 0 ? mean : 1;
}
