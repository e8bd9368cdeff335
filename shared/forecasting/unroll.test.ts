import { describe, expect, it } from "vitest";
import { NINE_LEVELS } from "./quantile-forecast.ts";
import { unroll } from "./unroll.ts";

/** Two steps at a time; the quantiles are last value + step + (level − ½) · 10. */
function rising(seen: number[][] = []) {
  return async (contexts: readonly Float32Array[]): Promise<Float32Array> => {
    seen.push(contexts.map((context) => context.length));
    return Float32Array.from(
      contexts.flatMap((context) =>
        [1, 2].flatMap((step) => NINE_LEVELS.map((level) => context.at(-1)! + step + (level - 0.5) * 10)),
      ),
    );
  };
}

const shape = { block: 2, levels: NINE_LEVELS, contextLength: 5 };
const contexts = [Float32Array.of(9, 9, 100), Float32Array.of(0)];

describe("unroll, past the block of the model", () => {
  it("returns the block itself, cut to the horizon", async () => {
    const [first, second] = await unroll(rising(), contexts, 1, shape);
    expect(first).toHaveLength(9);
    expect(first![4]).toBeCloseTo(101, 4);
    expect(second![0]).toBeCloseTo(1 - 4, 4);
  });

  it("takes the elements 8, 16, … 72 of the 81 predictions that nine grown contexts give", async () => {
    const [first] = await unroll(rising(), contexts, 4, shape);
    // Second block, first step: (102 + level offset) + 1 + level offset, over all pairs of levels.
    const offsets = NINE_LEVELS.map((level) => (level - 0.5) * 10);
    const sorted = offsets.flatMap((a) => offsets.map((b) => 103 + a + b)).sort((a, b) => a - b);
    expect(sorted).toHaveLength(81);
    NINE_LEVELS.forEach((_, k) => {
      expect(first![2 * 9 + k]).toBeCloseTo(sorted[8 * (k + 1)]!, 3);
    });
  });

  it("runs nine contexts per series after the first block and cuts them to the context length", async () => {
    const seen: number[][] = [];
    await unroll(rising(seen), contexts, 6, shape);
    expect(seen.map((lengths) => lengths.length)).toEqual([2, 18, 18]);
    expect(new Set(seen[1])).toEqual(new Set([5, 3]));
    expect(Math.max(...seen[2]!)).toBe(5);
  });

  it("makes a shorter horizon a prefix of a longer one", async () => {
    const [short] = await unroll(rising(), contexts, 3, shape);
    const [long] = await unroll(rising(), contexts, 6, shape);
    expect(short).toEqual(long!.slice(0, 3 * 9));
  });

  it("does not let series influence each other", async () => {
    const both = await unroll(rising(), contexts, 5, shape);
    const alone = await unroll(rising(), [contexts[1]!], 5, shape);
    expect(both[1]).toEqual(alone[0]);
  });
});
