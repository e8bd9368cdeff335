import { describe, expect, it } from "vitest";
import { errorStd, mae, mape, meanError, naiveScale, pinballLoss, rmse } from "./errors.ts";

describe("measures of errors 3, -4, 0", () => {
  const errors = Float64Array.of(3, -4, 0);
  for (const [name, measured, expected] of [
    ["rmse", rmse(errors), Math.sqrt(25 / 3)],
    ["mae", mae(errors), 7 / 3],
    ["mean error", meanError(errors), -1 / 3],
    ["error std, population", errorStd(errors), Math.sqrt((100 + 121 + 1) / 27)],
  ] as const) {
    it(name, () => expect(measured).toBeCloseTo(expected, 12));
  }
});

describe("measures that cannot tell", () => {
  it.each([rmse, mae, meanError, errorStd])("%o of nothing is NaN", (measure) => {
    expect(measure([])).toBeNaN();
  });
  it("mape skips actuals of 0", () => expect(mape([0, 100, -50], [5, 110, -45])).toBeCloseTo(10, 12));
  it("mape of zeros alone is null", () => expect(mape([0, 0], [1, 2])).toBeNull());
  it("naive scale of a history shorter than a season is NaN", () => expect(naiveScale([1, 2], 2)).toBeNaN());
});

describe("naive scale", () => {
  it("compares values one season apart", () => expect(naiveScale([1, 5, 2, 7], 2)).toBe(1.5));
  it("is 0 for a constant history", () => expect(naiveScale([4, 4, 4], 1)).toBe(0));
  it("leaves missing values out", () => expect(naiveScale([1, Number.NaN, 2, 5], 1)).toBe(3));
});

describe("pinball loss", () => {
  it("is half the absolute error at the median", () => expect(pinballLoss([1, 2], [3, -2], 0.5)).toBe(1.5));
  it("prices being above a high quantile dearly", () => {
    expect(pinballLoss([10], [0], 0.9)).toBeCloseTo(9, 12);
    expect(pinballLoss([0], [10], 0.9)).toBeCloseTo(1, 12);
  });
  it("refuses a level outside (0, 1)", () => expect(() => pinballLoss([1], [1], 90)).toThrow("got 90"));
});
