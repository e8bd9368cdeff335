import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addHandled, isHandled, lastHandled, nothingHandled } from "./handled.ts";

describe("handled sequences", () => {
  it("merge where they touch", () =>
    expect(addHandled(nothingHandled, [5, 3, 4, 9]).ranges).toEqual([
      [3, 5],
      [9, 9],
    ]));

  it("of any order and grouping are remembered, and no other", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 20 }), { maxLength: 10 }),
        (groups) => {
          const handled = groups.reduce(addHandled, nothingHandled);
          const all = new Set(groups.flat());
          for (let sequence = 1; sequence <= 201; sequence += 1) {
            if (isHandled(handled, sequence) !== all.has(sequence)) return false;
          }
          return lastHandled(handled) === Math.max(0, ...all);
        },
      ),
    );
  });

  it("stay bounded: beyond 256 gaps the oldest count as handled with all before them", () => {
    const odd = Array.from({ length: 1_000 }, (_, i) => 2 * i + 1);
    const handled = addHandled(nothingHandled, odd);
    expect(handled.ranges).toHaveLength(256);
    expect(isHandled(handled, 2)).toBe(true);
    expect(isHandled(handled, 1_998)).toBe(false);
    expect(addHandled(handled, [2])).toEqual(handled);
  });
});
