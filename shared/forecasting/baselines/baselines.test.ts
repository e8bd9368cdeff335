import { describe, expect, it } from "vitest";
import { normalQuantile } from "../normal.ts";
import { lastValue, seasonalNaive } from "./baselines.ts";

const median = (values: Float64Array) =>
  [...values].filter((_, i) => i % 9 === 4).map((value) => Math.round(value * 1e9) / 1e9);

describe("last value", () => {
  it("repeats the newest observed value", () => {
    expect(median(lastValue([1, 2, 5, Number.NaN], 3).values)).toEqual([5, 5, 5]);
  });

  it("spreads by the root mean square of past changes and the root of the step", () => {
    const { values } = lastValue([0, 3, -1], 4); // changes 3 and -4
    const sd = Math.sqrt((9 + 16) / 2);
    expect(values[8]! + 1).toBeCloseTo(sd * normalQuantile(0.9), 9);
    expect(values[3 * 9 + 8]! + 1).toBeCloseTo(2 * sd * normalQuantile(0.9), 9);
  });

  it("has no spread for a single value", () => {
    expect(new Set(lastValue([7], 2).values)).toEqual(new Set([7]));
  });
});

describe("seasonal naive", () => {
  it("repeats the newest season", () => {
    expect(median(seasonalNaive([9, 9, 9, 1, 2, 3], 5, 3).values)).toEqual([1, 2, 3, 1, 2]);
  });

  it("steps back a season where the newest value of a phase is missing", () => {
    expect(median(seasonalNaive([4, 5, 6, 1, Number.NaN, 3], 3, 3).values)).toEqual([1, 5, 3]);
  });

  it("takes the last value for a phase never observed", () => {
    expect(median(seasonalNaive([1, Number.NaN, 3], 3, 3).values)).toEqual([1, 3, 3]);
  });

  it("spreads wider season by season", () => {
    const { values } = seasonalNaive([0, 0, 2, 2], 4, 2);
    expect(values[8]! - 2).toBeCloseTo(2 * normalQuantile(0.9), 9);
    expect(values[3 * 9 + 8]! - 2).toBeCloseTo(2 * Math.SQRT2 * normalQuantile(0.9), 9);
  });
});
