import { describe, expect, it } from "vitest";
import { normalQuantile } from "./normal.ts";
import { NINE_LEVELS } from "./quantile-forecast.ts";
import { quantileFunction } from "./quantile-function.ts";

describe("normalQuantile", () => {
  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.025, -1.959963984540054],
    [0.9, 1.2815515655446004],
    [1e-6, -4.753424308822899],
    [1 - 1e-9, 5.997807015007686],
    [0, -Infinity],
    [1, Infinity],
    [1.1, Number.NaN],
  ])("of %f is %f", (p, z) => {
    if (Number.isFinite(z)) expect(normalQuantile(p)).toBeCloseTo(z, 6);
    else expect(normalQuantile(p)).toBe(z);
  });
});

describe("quantileFunction", () => {
  const gaussian = NINE_LEVELS.map((level) => 10 + 2 * normalQuantile(level));

  it("returns every quantile it was given", () => {
    const quantile = quantileFunction(NINE_LEVELS, gaussian);
    NINE_LEVELS.forEach((level, k) => {
      expect(quantile(level)).toBeCloseTo(gaussian[k]!, 9);
    });
  });

  it("is linear between levels", () => {
    expect(quantileFunction([0.25, 0.75], [1, 3])(0.4)).toBeCloseTo(1.6, 12);
  });

  it("continues a Gaussian law's tails exactly", () => {
    const quantile = quantileFunction(NINE_LEVELS, gaussian);
    for (const p of [0.001, 0.025, 0.975, 0.9999])
      expect(quantile(p)).toBeCloseTo(10 + 2 * normalQuantile(p), 7);
  });

  it("interpolates the median where one half is no level", () => {
    expect(quantileFunction([0.1, 0.4, 0.6, 0.9], [0, 3, 5, 6])(0.5)).toBeCloseTo(4, 12);
  });

  it("never falls", () => {
    const quantile = quantileFunction(NINE_LEVELS, [0, 0, 1, 1, 1, 2, 3, 3, 9]);
    let previous = -Infinity;
    for (let p = 0.001; p < 1; p += 0.001) {
      expect(quantile(p)).toBeGreaterThanOrEqual(previous);
      previous = quantile(p);
    }
  });
});
