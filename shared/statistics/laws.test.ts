import { describe, expect, it } from "vitest";
import { normalCdf, normalDensity } from "./normal-law.ts";
import { studentTCdf, studentTQuantile } from "./student-t.ts";

/** Figures of SciPy 1.17: `norm.cdf`, `t.cdf`, `t.ppf`. */
describe("the normal law", () => {
  it.each([
    [-20, 2.7536241186061556e-89],
    [-8, 6.22096057427174e-16],
    [-7, 1.279812543885835e-12],
    [-3, 0.0013498980316300933],
    [-0.5, 0.3085375387259869],
    [0, 0.5],
    [1, 0.8413447460685429],
    [2.5, 0.9937903346742238],
    [9, 1],
  ])("has Φ(%f) = %f", (z, expected) => {
    expect(normalCdf(z) / expected).toBeCloseTo(1, 7);
  });

  it("is 0 and 1 at the ends, NaN of NaN, and its density is the slope", () => {
    expect([normalCdf(-Infinity), normalCdf(Infinity), normalCdf(Number.NaN)]).toEqual([0, 1, Number.NaN]);
    expect((normalCdf(0.7 + 1e-5) - normalCdf(0.7 - 1e-5)) / 2e-5).toBeCloseTo(normalDensity(0.7), 8);
  });
});

describe("Student's law", () => {
  it.each([
    [0, 3, 0.5],
    [1.5, 1, 0.8128329581890011],
    [-2, 2, 0.09175170953613698],
    [3, 10, 0.9933281724887152],
    [0.7, 25, 0.754804731606935],
  ])("has P(T ≤ %f) with %i degrees of freedom %f", (t, degrees, expected) => {
    expect(studentTCdf(t, degrees)).toBeCloseTo(expected, 12);
  });

  it.each([
    [0.975, 1, 12.706204736174694],
    [0.975, 2, 4.302652729749462],
    [0.975, 7, 2.364624251592784],
    [0.975, 11, 2.200985160091639],
    [0.95, 30, 1.697260886593957],
    [0.999, 5, 5.893429531356009],
    [0.3, 4, -0.5686490630497053],
    [0.975, 1000, 1.9623390808264083],
    [0.5, 3, 0],
  ])("has the %f quantile with %i degrees of freedom %f", (p, degrees, expected) => {
    expect(studentTQuantile(p, degrees)).toBeCloseTo(expected, 9);
  });

  it("refuses what is no probability or no degree of freedom", () => {
    expect(studentTQuantile(1, 4)).toBe(Infinity);
    expect(() => studentTQuantile(1.5, 4)).toThrow(/p is 1.5/);
    expect(() => studentTQuantile(0.5, 0)).toThrow(/degrees of freedom are 0/);
  });
});
