import { describe, expect, it } from "vitest";
import { kpssStatistic, wanders } from "./kpss.ts";
import { autoregressive } from "./lcg.fixture.ts";

function cumulated(values: readonly number[]): number[] {
  let level = 0;
  return values.map((value) => {
    level += value;
    return level;
  });
}

describe("KPSS test", () => {
  it.each([
    [1, 200, 0.7, 0.2111960948854471, 3.7132439471535634],
    [2, 300, 0, 0.09948417770046074, 4.465002412400945],
    [3, 200, 0.95, 0.514182510038921, 4.7793055422954],
  ])("gives statsmodels 0.15.0's statistic: seed %d, %d values, φ = %d", (seed, n, phi, plain, summed) => {
    const values = autoregressive(seed, n, phi);
    expect(kpssStatistic(values)).toBeCloseTo(plain, 10);
    expect(kpssStatistic(cumulated(values))).toBeCloseTo(summed, 10);
  });

  it("finds that a random walk wanders and noise does not", () => {
    const noise = autoregressive(2, 300, 0);
    expect([wanders(noise), wanders(cumulated(noise))]).toEqual([false, true]);
  });

  it.each([
    ["constant", [4, 4, 4, 4]],
    ["single", [1]],
    ["empty", []],
  ])("cannot fail a %s series", (_, values) => {
    expect(wanders(values)).toBe(false);
  });
});
