import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { autoregressive, uniforms } from "./lcg.fixture.ts";
import { meanShift } from "./mean-shift.ts";
import { populationStabilityIndex } from "./psi.ts";
import { wasserstein } from "./wasserstein.ts";

const before = uniforms(1, 200);
const after = uniforms(2, 150).map((x) => x * 1.3 + 0.1);
const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
const samples = fc.array(finite, { minLength: 1, maxLength: 40 });

describe("Wasserstein distance (A-TRG)", () => {
  it("is that of scipy 1.17.1", () => {
    expect(wasserstein(before, after).distance).toBeCloseTo(0.2862975004478357, 12);
    expect(wasserstein([1, 2, 2, 5], [2, 3, 3]).distance).toBeCloseTo(1.1666666666666667, 12);
  });
  it("of a shift is the shift", () => {
    const { distance, inStds } = wasserstein([1, 2, 3, 4], [3, 4, 5, 6]);
    expect(distance).toBeCloseTo(2, 12);
    expect(inStds).toBeCloseTo(2 / Math.sqrt(1.25), 12);
  });
  it("has no scale on a constant reference, unless nothing moved", () => {
    expect(wasserstein([4, 4], [5, 5, 5])).toEqual({ distance: 1, inStds: null });
    expect(wasserstein([4, 4], [4, 4, 4])).toEqual({ distance: 0, inStds: 0 });
  });
  it("is symmetric and never NaN", () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const { distance } = wasserstein(a, b);
        expect(distance).toBeGreaterThanOrEqual(0);
        expect(wasserstein(b, a).distance).toBeCloseTo(distance, 6);
      }),
    );
  });
});

describe("mean shift (B-TRN-1)", () => {
  it("is |difference of means| / std of the reference, as numpy says", () => {
    const { difference, shift } = meanShift(before, after);
    expect(difference).toBeCloseTo(0.28629750044783575, 12);
    expect(shift).toBeCloseTo(0.9953599390301711, 12);
  });
  it("counts autocorrelated values for fewer", () => {
    const series = autoregressive(3, 600, 0.8);
    const result = meanShift(series.slice(0, 500), series.slice(500));
    expect(result.autocorrelationTime).toBeGreaterThan(5);
    expect(result.zScore).toBeCloseTo(
      result.shift! / Math.sqrt(result.autocorrelationTime * (1 / 500 + 1 / 100)),
      12,
    );
  });
  it.each([
    ["equal constants", [0.1, 0.1, 0.1], [0.1], 0],
    ["another constant", [0.1, 0.1, 0.1], [0.2], null],
  ])("of %s", (_, reference, current, shift) => {
    expect(meanShift(reference, current)).toMatchObject({ shift, zScore: shift });
  });
});

describe("population stability index (A-TRG)", () => {
  it("is the sum by hand", () => {
    // Two bins cut at 2.5: reference 2 + 2, current 1 + 3, with half a count added to each.
    const [low, high] = [1.5 / 5, 3.5 / 5];
    const byHand = (low - 0.5) * Math.log(low / 0.5) + (high - 0.5) * Math.log(high / 0.5);
    const { psi, bins, expected } = populationStabilityIndex([1, 2, 3, 4], [0, 3, 5, 9], { bins: 2 });
    expect(psi).toBeCloseTo(byHand, 12);
    expect([bins, expected]).toEqual([2, 0.5]);
  });
  it("is near its expectation without a change", () => {
    let total = 0;
    for (let seed = 1; seed <= 200; seed += 1)
      total += populationStabilityIndex(uniforms(seed * 7919, 500), uniforms(seed * 104729, 400)).psi;
    expect(total / 200 / (9 * (1 / 500 + 1 / 400))).toBeGreaterThan(0.85);
    expect(total / 200 / (9 * (1 / 500 + 1 / 400))).toBeLessThan(1.15);
  });
  it("is large where the law moved", () =>
    expect(populationStabilityIndex(before, after).psi).toBeGreaterThan(0.5));
  it.each([
    ["up", 6],
    ["down", 4],
  ])("sees a constant move %s", (_, value) => {
    const { psi, bins } = populationStabilityIndex(Array(50).fill(5), Array(50).fill(value));
    expect(bins).toBe(3);
    expect(psi).toBeGreaterThan(5);
  });
  it("gives a value that half of the reference shares its own bin", () => {
    const zeros = [...Array<number>(50).fill(0), ...uniforms(9, 50)];
    const fewer = [...Array<number>(20).fill(0), ...uniforms(10, 80)];
    expect(populationStabilityIndex(zeros, zeros).psi).toBe(0);
    expect(populationStabilityIndex(zeros, fewer).psi).toBeGreaterThan(0.25);
    expect(
      populationStabilityIndex(
        zeros,
        fewer.map((x) => (x === 0 ? -1 : x)),
      ).psi,
    ).toBeGreaterThan(2);
  });
  it("is never negative nor NaN", () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        expect(populationStabilityIndex(a, b).psi).toBeGreaterThanOrEqual(0);
      }),
    );
  });
  it("refuses one bin", () =>
    expect(() => populationStabilityIndex([1], [1], { bins: 1 })).toThrow("bins is a whole number above 1"));
});

describe("bad samples are refused by name (D-BUF)", () => {
  const measures = { wasserstein, meanShift, populationStabilityIndex };
  for (const [name, measure] of Object.entries(measures)) {
    it.each([
      ["no reference", [], [1], "the reference is empty"],
      ["no current values", [1], [], "the current sample is empty"],
      ["NaN", [1, Number.NaN], [1], "the reference holds NaN at index 1"],
      ["an infinity", [1], [Number.NEGATIVE_INFINITY], "the current sample holds -Infinity at index 0"],
    ])(`${name}: %s`, (_, reference, current, message) => {
      expect(() => measure(reference, current)).toThrow(message);
    });
  }
});
