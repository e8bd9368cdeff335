import { describe, expect, it } from "vitest";
import { rankObservations, standardisedObjectives } from "./objectives.ts";
import type { Observation } from "./sampler.ts";

const results = (...objectives: (number | null)[]): Observation[] =>
  objectives.map((objective, number) => ({ number, point: { number }, objective }));

describe("objectives, as a Gaussian process sees them", () => {
  it("have mean 0 and standard deviation 1", () => {
    const values = standardisedObjectives(results(1, 2, 3, 4));
    expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 12);
    expect(values.reduce((sum, value) => sum + value ** 2, 0) / 4).toBeCloseTo(1, 12);
  });

  it("above the 90th percentile are lowered to it, and failures count as that much", () => {
    const values = standardisedObjectives(results(...Array(9).fill(1), 2, 3, 1e12, null, Number.NaN));
    // The 90th percentile of these twelve is 2.9.
    expect(values[10]).toBeGreaterThan(values[9]!);
    expect([values[11], values[12], values[13]]).toEqual([values[11], values[11], values[11]]);
    expect(values[11]! - values[10]!).toBeLessThan(1e-9);
  });

  it.each([
    ["equal", results(5, 5, 5)],
    ["equal but for rounding", results(1e9, 1e9 + 1e-7)],
    ["missing", results(null, null)],
  ])("are all 0 where they are %s", (_, observations) => {
    expect([...standardisedObjectives(observations)].every((value) => value === 0)).toBe(true);
  });

  it("rank best first, failures last, the earlier of equals first", () => {
    const ranked = rankObservations(results(2, null, 1, 2, Infinity, 0));
    expect(ranked.map(({ number }) => number)).toEqual([5, 2, 0, 3, 1, 4]);
  });
});
