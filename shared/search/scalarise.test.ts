import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scalarise } from "./scalarise.ts";

const reference = { inferenceMs: 10, memoryMb: 200 };
const weights = { inferenceTime: 0.1, memory: 0 };

describe("an objective with its costs (A-OPT-8)", () => {
  it("a tenth of the time is worth ten percent", () => {
    expect(scalarise(1.1, { inferenceMs: 1, memoryMb: 900 }, reference, weights)).toBeCloseTo(1, 12);
    expect(scalarise(1, reference, reference, { inferenceTime: 3, memory: 2 })).toBe(1);
  });

  it("memory counts by its own weight", () => {
    const memory = { inferenceTime: 0, memory: 0.2 };
    expect(scalarise(5, { inferenceMs: 1, memoryMb: 2000 }, reference, memory)).toBeCloseTo(6, 12);
  });

  it("cost is bad for profits too, and costs that were not measured do not count", () => {
    const slow = { inferenceMs: 100, memoryMb: 200 };
    expect(scalarise(-2, slow, reference, weights)).toBeCloseTo(-2 / 1.1, 12);
    for (const inferenceMs of [0, Number.NaN, Infinity])
      expect(scalarise(3, { inferenceMs, memoryMb: 200 }, reference, weights)).toBe(3);
    expect(scalarise(Infinity, slow, reference, weights)).toBe(Infinity);
  });

  it("the order of two trials does not depend on the reference", () => {
    const positive = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
    const costs = fc.record({ inferenceMs: positive, memoryMb: positive });
    const trial = fc.tuple(positive, costs);
    fc.assert(
      fc.property(trial, trial, costs, costs, fc.double({ min: 0, max: 5, noNaN: true }), (a, b, r, s, w) => {
        const weighed = { inferenceTime: w, memory: w / 2 };
        const ratio = (to: typeof r) =>
          scalarise(a[0], a[1], to, weighed) / scalarise(b[0], b[1], to, weighed);
        expect(ratio(r) / ratio(s)).toBeCloseTo(1, 9);
      }),
    );
  });
});
