import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RELEASED } from "./config.fixture.ts";
import { binTables, meanScaleUniformBins } from "./tokenizer.ts";

const { encode, decode } = meanScaleUniformBins(RELEASED);
const NaN_ = Number.NaN;

/** Value −15 + k · 30 / 4092 has token k + 3, so 0 has 2049. */
const ZERO = 2049;

describe("MeanScaleUniformBins", () => {
  it.each<[string, number[], number[], number[], number]>([
    ["one value is its own scale", [7], [ZERO + 136, 1], [1, 1], 7],
    [
      "missing values are padded, masked and no part of the scale",
      [NaN_, -2, NaN_, 2],
      [0, ZERO - 136, 0, ZERO + 136, 1],
      [0, 1, 0, 1, 1],
      2,
    ],
    ["nothing observed", [NaN_, NaN_], [0, 0, 1], [0, 0, 1], 1],
    ["zeros have scale 1", [0, 0], [ZERO, ZERO, 1], [1, 1, 1], 1],
    ["no context at all", [], [1], [1], 1],
    [
      "far outside the outermost bins catch",
      [...Array<number>(60).fill(0), 1, -1],
      [...Array<number>(60).fill(ZERO), 4095, 3, 1],
      Array<number>(63).fill(1),
      2 / 62,
    ],
  ])("%s", (_, values, tokens, mask, scale) => {
    const found = encode(Float32Array.from(values));
    expect([...found.tokens]).toEqual(tokens);
    expect([...found.mask]).toEqual(mask);
    expect(found.scale).toBe(Math.fround(scale));
  });

  it("reads the last context_length steps only, for the scale too", () => {
    const short = meanScaleUniformBins({ ...RELEASED, context_length: 3 });
    expect(short.encode(Float32Array.of(1e6, NaN_, 1, 2, 3))).toEqual(short.encode(Float32Array.of(1, 2, 3)));
    expect(short.encode(Float32Array.of(1, 2, 3)).tokens).toHaveLength(4);
  });

  it("leaves the end of sequence out where the config says so", () => {
    const plain = meanScaleUniformBins({ ...RELEASED, use_eos_token: false });
    expect([...plain.encode(Float32Array.of(0, 0)).tokens]).toEqual([ZERO, ZERO]);
  });

  it("puts a value at the very edge of a bin into the bin above, the float below it into the bin below", () => {
    const { boundaries } = binTables(RELEASED);
    // Between 1 and 2 a partner makes the scale exactly 1, so that the value itself is looked up.
    const tokenOf = (value: number) => {
      const { tokens, scale } = encode(Float32Array.of(value, 2 - Math.abs(value)));
      expect(scale).toBe(1);
      return tokens[0];
    };
    const edges = boundaries.map((edge, k) => (Math.abs(edge) > 1.01 && Math.abs(edge) < 1.99 ? k : 0));
    const inside = edges.filter((k) => k > 0);
    expect(inside.length).toBeGreaterThan(200);
    for (const k of inside) {
      expect(tokenOf(boundaries[k]!)).toBe(k + 3);
      expect(tokenOf(nextBelow(boundaries[k]!))).toBe(k + 2);
    }
  });

  it("decodes a token to the centre of its bin, special tokens to the lowest", () => {
    const { centers } = binTables(RELEASED);
    expect(decode(3, 2)).toBe(-30);
    expect(decode(4095, 2)).toBe(30);
    expect(decode(2050, 10)).toBe(Math.fround(centers[2047]! * 10));
    for (const special of [0, 1, 2]) expect(decode(special, 1)).toBe(-15);
  });

  it("gives each value back to within half a bin, whatever the series", () => {
    const values = fc.array(fc.float({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, (list) => {
        const context = Float32Array.from(list);
        const { tokens, scale } = encode(context);
        context.forEach((value, t) => {
          const inside = Math.abs(value) <= 15 * scale;
          const error = Math.abs(
            decode(tokens[t]!, scale) - (inside ? value : 15 * scale * Math.sign(value)),
          );
          expect(error).toBeLessThanOrEqual((0.5 * (30 / 4092) + 1e-5) * scale);
        });
      }),
    );
  });
});

function nextBelow(value: number): number {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  bits[0] = bits[0]! + (value > 0 ? -1 : 1);
  return new Float32Array(bits.buffer)[0]!;
}
