import { upperBound } from "../context.ts";

/** How a law over tokens is sharpened and cut before a token is drawn. */
export interface SamplingKnobs {
  /** above 0; below 1 sharpens */
  readonly temperature: number;
  /** likeliest tokens kept, more where the last ties; 0 for all */
  readonly top_k: number;
  /** probability mass kept, in (0, 1]; one token is kept at least */
  readonly top_p: number;
}

/** A law over the tokens that are left. */
export interface TokenLaw {
  /** ascending */
  readonly tokens: Int32Array;
  /** cumulative weights, not normalised: the last is the total */
  readonly cumulative: Float64Array;
}

/**
 * The law of the next token, with the steps of Hugging Face's `generate` in their order: the end of sequence is
 * impossible (min_new_tokens), logits / temperature, top-k, top-p, softmax.
 *
 *     top-k  keeps l ≥ the k-th largest
 *     top-p  drops, from the least likely up, tokens whose cumulative probability is at most 1 − p
 *
 * @param logits [vocabulary], finite
 * @param eos    the token that is never drawn
 */
export function tokenLaw(
  logits: Float32Array,
  eos: number,
  { temperature, top_k, top_p }: SamplingKnobs,
): TokenLaw {
  const divisor = Math.fround(temperature);
  const scaled = new Float32Array(logits.length);
  for (let token = 0; token < scaled.length; token += 1) scaled[token] = logits[token]! / divisor;
  scaled[eos] = -Infinity;
  const threshold = top_k > 0 && top_k < scaled.length ? kthLargest(scaled, top_k) : -Infinity;
  let tokens = atLeast(scaled, threshold, eos);
  if (top_p < 1) tokens = likeliest(tokens, scaled, top_p);
  return { tokens, cumulative: cumulativeWeights(tokens, scaled) };
}

/** The first token whose cumulative probability is above `u` in [0, 1). */
export function drawToken({ tokens, cumulative }: TokenLaw, u: number): number {
  const at = upperBound(cumulative, u * cumulative.at(-1)!);
  return tokens[Math.min(at, tokens.length - 1)]!;
}

// Plain loops from here on: for a small model, this runs as long as the model does.

/** Tokens of at least `threshold`, ascending, without `eos`. */
function atLeast(scaled: Float32Array, threshold: number, eos: number): Int32Array {
  const kept = new Int32Array(scaled.length);
  let count = 0;
  for (let token = 0; token < scaled.length; token += 1) {
    if (scaled[token]! < threshold || token === eos) continue;
    kept[count] = token;
    count += 1;
  }
  return kept.subarray(0, count);
}

/** Those that hold the upper `p` of the probability, ascending. */
function likeliest(tokens: Int32Array, scaled: Float32Array, p: number): Int32Array {
  const ascending = tokens.slice().sort((a, b) => scaled[a]! - scaled[b]!);
  const cumulative = cumulativeWeights(ascending, scaled);
  const dropped = (1 - p) * cumulative.at(-1)!;
  let first = 0;
  while (first < ascending.length - 1 && cumulative[first]! <= dropped) first += 1;
  return ascending.subarray(first).sort();
}

function cumulativeWeights(tokens: Int32Array, scaled: Float32Array): Float64Array {
  let largest = -Infinity;
  for (let i = 0; i < tokens.length; i += 1) largest = Math.max(largest, scaled[tokens[i]!]!);
  const cumulative = new Float64Array(tokens.length);
  let sum = 0;
  for (let i = 0; i < tokens.length; i += 1) {
    sum += Math.exp(scaled[tokens[i]!]! - largest);
    cumulative[i] = sum;
  }
  return cumulative;
}

/** Hoare's selection: linear on average, where sorting a vocabulary at each step would cost as much as a small model. */
function kthLargest(values: Float32Array, k: number): number {
  const rest = values.slice();
  const wanted = rest.length - k;
  let low = 0;
  let high = rest.length - 1;
  while (low < high) {
    const pivot = rest[(low + high) >>> 1]!;
    let left = low;
    let right = high;
    while (left <= right) {
      while (rest[left]! < pivot) left += 1;
      while (rest[right]! > pivot) right -= 1;
      if (left > right) break;
      const swapped = rest[left]!;
      rest[left] = rest[right]!;
      rest[right] = swapped;
      left += 1;
      right -= 1;
    }
    if (wanted <= right) high = right;
    else if (wanted >= left) low = left;
    else break;
  }
  return rest[wanted]!;
}
