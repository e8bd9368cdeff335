import { describe, expect, it } from "vitest";
import { randomKey, uniformAt } from "./random.ts";
import { deseasonalise, detectSeasonLength } from "./seasonality.ts";

const profile = [5, -1, 0, 3, -4, -2, -1];

describe("deseasonalise", () => {
  it("takes a season on a trend out and knows it for the steps ahead", () => {
    const series = Array.from({ length: 100 }, (_, t) => 50 + 0.3 * t + profile[t % 7]!);
    const { values, seasonAt, seasonLength } = deseasonalise(series, 7);
    expect(seasonLength).toBe(7);
    values.forEach((value, t) => {
      expect(value).toBeCloseTo(50 + 0.3 * t, 8);
    });
    for (let h = 1; h <= 15; h += 1) expect(seasonAt(h)).toBeCloseTo(profile[(99 + h) % 7]!, 8);
  });

  it("handles an even season and missing values, which stay missing", () => {
    const series = Array.from({ length: 96 }, (_, t) => (t % 10 === 3 ? Number.NaN : 10 + (t % 4) * 2));
    const { values, seasonAt } = deseasonalise(series, 4);
    expect(values[3]).toBeNaN();
    expect(values[4]).toBeCloseTo(13, 1);
    expect([1, 2, 3, 4].map((h) => Math.round(seasonAt(h)))).toEqual([-3, -1, 1, 3]);
  });

  it("learns the season from the last 11 of them only", () => {
    const old = Array.from({ length: 70 }, (_, t) => 10 - 3 * profile[t % 7]!);
    const recent = Array.from({ length: 77 }, (_, t) => 10 + profile[(t + 70) % 7]!);
    const { seasonAt } = deseasonalise([...old, ...recent], 7);
    for (let h = 1; h <= 7; h += 1) expect(seasonAt(h)).toBeCloseTo(profile[(146 + h) % 7]!, 8);
  });

  it.each([
    ["a season length of 1", Array.from({ length: 50 }, (_, t) => t % 7), 1],
    ["fewer than three seasons", Array.from({ length: 20 }, (_, t) => t % 7), 7],
    ["white noise", noise(200), 7],
    ["a constant", new Array<number>(100).fill(4), 7],
    ["nothing but missing values", new Array<number>(100).fill(Number.NaN), 7],
  ])("leaves %s as it is", (_, series, length) => {
    const result = deseasonalise(series, length);
    expect(result.seasonLength).toBe(1);
    expect(result.values).toEqual(Float64Array.from(series));
    expect(result.seasonAt(3)).toBe(0);
  });
});

describe("detectSeasonLength", () => {
  it.each([
    ["a week on a trend", Array.from({ length: 300 }, (_, t) => t + profile[t % 7]! * 2), 7],
    [
      "a day of hours",
      Array.from({ length: 400 }, (_, t) => Math.sin((t * Math.PI) / 12) * 10 + noise(400)[t]!),
      24,
    ],
    [
      "a year of months",
      Array.from({ length: 120 }, (_, t) => Math.cos((t * Math.PI) / 6) * 3 + noise(120)[t]!),
      12,
    ],
    ["white noise", noise(400), 1],
    ["a random walk", walk(400), 1],
    ["a straight line", Array.from({ length: 100 }, (_, t) => t), 1],
    ["a constant", new Array<number>(100).fill(1), 1],
    ["a short series", [1, 2, 1, 2, 1], 1],
  ])("finds the season of %s", (_, series, expected) => {
    expect(detectSeasonLength(series)).toBe(expected);
  });

  it.each([
    ["white noise", noise],
    ["random walks", walk],
  ])("seldom sees a season in %s", (_, make) => {
    const alarms = Array.from({ length: 60 }, (_, seed) => detectSeasonLength(make(300, seed))).filter(
      (m) => m > 1,
    );
    expect(alarms.length).toBeLessThanOrEqual(6);
  });

  it("looks at the given candidates only", () => {
    const series = Array.from({ length: 200 }, (_, t) => profile[t % 7]!);
    expect(detectSeasonLength(series, [5, 12])).toBe(1);
    expect(detectSeasonLength(series, [14])).toBe(14);
  });
});

function noise(length: number, seed = 3): number[] {
  const key = randomKey(seed);
  return Array.from({ length }, (_, t) => uniformAt(key, t) - 0.5);
}

function walk(length: number, seed = 3): number[] {
  let level = 100;
  return noise(length, seed).map((step) => (level += step));
}
