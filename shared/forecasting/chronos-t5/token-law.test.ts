import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawToken, type SamplingKnobs, tokenLaw } from "./token-law.ts";

const EOS = 1;
const OPEN: SamplingKnobs = { temperature: 1, top_k: 0, top_p: 1 };
/** Token i has probability ∝ weights[i]; token 1 ends the sequence. */
const logitsOf = (weights: readonly number[]) => Float32Array.from(weights, Math.log);

function probabilities(
  weights: readonly number[],
  knobs: Partial<SamplingKnobs> = {},
): Record<number, number> {
  const { tokens, cumulative } = tokenLaw(logitsOf(weights), EOS, { ...OPEN, ...knobs });
  const total = cumulative.at(-1)!;
  const found = [...tokens].map((token, i) => [token, (cumulative[i]! - (cumulative[i - 1] ?? 0)) / total]);
  return Object.fromEntries(found.map(([token, p]) => [token, Math.round(p! * 1e4) / 1e4]));
}

describe("tokenLaw", () => {
  it.each<[string, number[], Partial<SamplingKnobs>, Record<number, number>]>([
    ["never ends, however likely that is", [1, 96, 1, 2], {}, { 0: 0.25, 2: 0.25, 3: 0.5 }],
    [
      "temperature 1/2 squares the weights",
      [1, 9, 2, 3],
      { temperature: 0.5 },
      { 0: 0.0714, 2: 0.2857, 3: 0.6429 },
    ],
    ["top_k keeps the likeliest, the end not counted", [1, 9, 2, 3], { top_k: 2 }, { 2: 0.4, 3: 0.6 }],
    ["top_k keeps all that tie with the last", [2, 9, 2, 6], { top_k: 2 }, { 0: 0.2, 2: 0.2, 3: 0.6 }],
    ["top_k above the vocabulary keeps all", [1, 9, 1, 2], { top_k: 99 }, { 0: 0.25, 2: 0.25, 3: 0.5 }],
    ["top_p drops a tail of at most 1 − p", [1, 9, 3, 6], { top_p: 0.9 }, { 2: 0.3333, 3: 0.6667 }],
    ["top_p keeps what reaches past it", [1, 9, 3, 6], { top_p: 0.91 }, { 0: 0.1, 2: 0.3, 3: 0.6 }],
    ["top_p keeps one token at least", [1, 9, 3, 6], { top_p: 1e-9 }, { 3: 1 }],
    ["temperature comes before top_p", [1, 9, 3, 6], { temperature: 0.5, top_p: 0.75 }, { 3: 1 }],
    // Of [1, 3, 6] the nucleus of .65 is [3, 6]; among the two that top_k leaves it is 6 alone.
    ["top_k comes before top_p", [1, 9, 3, 6], { top_k: 2, top_p: 0.65 }, { 3: 1 }],
    [
      "top_p alone keeps what top_k would have decided",
      [1, 9, 3, 6],
      { top_p: 0.65 },
      { 2: 0.3333, 3: 0.6667 },
    ],
  ])("%s", (_, weights, knobs, expected) => {
    expect(probabilities(weights, knobs)).toEqual(expected);
  });

  it("keeps exactly the k largest of any logits without ties", () => {
    const distinct = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 3, maxLength: 200 });
    fc.assert(
      fc.property(distinct, fc.integer({ min: 1, max: 200 }), (logits, top_k) => {
        const { tokens } = tokenLaw(Float32Array.from(logits), EOS, { ...OPEN, top_k });
        const order = logits.map((logit, token) => ({ logit, token })).filter(({ token }) => token !== EOS);
        const largest = order.sort((a, b) => b.logit - a.logit).slice(0, top_k);
        expect([...tokens]).toEqual(largest.map(({ token }) => token).sort((a, b) => a - b));
      }),
    );
  });
});

describe("drawToken", () => {
  it("inverts the cumulative law", () => {
    const law = tokenLaw(logitsOf([1, 9, 1, 2]), EOS, OPEN);
    const drawn = [0, 0.2499, 0.2501, 0.4999, 0.5001, 0.99999].map((u) => drawToken(law, u));
    expect(drawn).toEqual([0, 0, 2, 2, 3, 3]);
  });
});
