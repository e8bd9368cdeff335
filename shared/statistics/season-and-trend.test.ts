import { describe, expect, it } from "vitest";
import { autoregressive, uniforms } from "./lcg.fixture.ts";
import { learnSeasonalProfile, phaseOf, withoutSeason } from "./seasonal-profile.ts";
import { crossingTime, theilSen } from "./theil-sen.ts";

const HOUR = 3_600_000;
const DAY = { periodMs: 24 * HOUR, phases: 24 };

describe("seasonal profile (A-TRG-2 must not take the hour of day for drift)", () => {
  const times = Array.from({ length: 24 * 10 }, (_, t) => t * HOUR);
  const level = (t: number) => 100 + 10 * Math.sin((2 * Math.PI * t) / 24);
  const values = times.map((_, t) => level(t));

  it("leaves the level and takes the season", () => {
    const profile = learnSeasonalProfile(times, values, DAY)!;
    for (const value of withoutSeason(times, values, profile)) expect(value).toBeCloseTo(100, 9);
    expect(profile.offsets.reduce((a, b) => a + b)).toBeCloseTo(0, 9);
  });
  it("a spike does not get into it by the median, and does by the mean", () => {
    const spiked = values.map((value, t) => (t === 30 ? 10_000 : value));
    const clean = learnSeasonalProfile(times, values, DAY)!;
    expect(learnSeasonalProfile(times, spiked, DAY)!.offsets[6]).toBeCloseTo(clean.offsets[6]!, 9);
    expect(learnSeasonalProfile(times, spiked, DAY, { by: "mean" })!.offsets[6]).toBeGreaterThan(900);
  });
  it.each([
    ["too few values of some phase", times.slice(0, 71)],
    ["no values", []],
  ])("cannot be told from %s", (_, few) => {
    expect(learnSeasonalProfile(few, values.slice(0, few.length), DAY)).toBeNull();
  });
  it("of a constant series is flat", () =>
    expect(learnSeasonalProfile(times, Array(240).fill(3), DAY)!.offsets).toEqual(Array(24).fill(0)));
  it.each([
    [0, 0],
    [HOUR - 1, 0],
    [25 * HOUR, 1],
    [-1, 23],
  ])("phase of %d ms is %d", (timeMs, phase) => expect(phaseOf(timeMs, DAY)).toBe(phase));
  it("refuses NaN, another number of times, and a season without phases", () => {
    expect(() => learnSeasonalProfile([1], [Number.NaN], DAY)).toThrow("the reference holds NaN");
    expect(() => learnSeasonalProfile([1, 2], [1], DAY)).toThrow("2 times do not pair with 1 values");
    expect(() => learnSeasonalProfile([1], [1], { periodMs: 1, phases: 0 })).toThrow("whole phases");
  });
});

describe("Theil-Sen trend (A-FUT-2)", () => {
  const noisy = uniforms(5, 40).map((u, x) => [x, x === 7 ? 80 : 0.3 * x + 6 * u] as const);

  it("is that of scipy 1.17.1, theilslopes(method='separate')", () => {
    const trend = theilSen(noisy)!;
    expect(trend.slope).toBeCloseTo(0.298570360878313, 12);
    expect(trend.intercept).toBeCloseTo(4.361810837131504, 12);
    // scipy's band takes points for independent; these are, but for chance
    expect(trend.lowerSlope).toBeCloseTo(0.23771668290719394, 12);
    expect(trend.upperSlope).toBeCloseTo(0.3476368413186602, 12);
  });
  it("holds to the line with a quarter of the points gone wild", () => {
    const wild = Array.from({ length: 100 }, (_, x) => [x, x % 4 === 0 ? 1e6 : 2 * x + 1] as const);
    expect(theilSen(wild)!.slope).toBeCloseTo(2, 9);
  });
  it("pools neighbours of long series", () => {
    const long = uniforms(8, 20_000).map((u, x) => [x, 0.001 * x + u] as const);
    expect(theilSen(long)!.slope).toBeCloseTo(0.001, 5);
  });
  it("has a wider band where values hang together", () => {
    const width = (phi: number) => {
      const trend = theilSen(
        autoregressive(12, 200, phi).map((y, x) => [x, y * Math.sqrt(1 - phi ** 2)] as const),
      )!;
      return trend.upperSlope - trend.lowerSlope;
    };
    expect(width(0.9)).toBeGreaterThan(2 * width(0));
  });
  it.each([
    ["no points", []],
    ["one point", [[1, 2]]],
    [
      "points at one time",
      [
        [1, 2],
        [1, 3],
      ],
    ],
  ] as [string, [number, number][]][])("cannot be told from %s", (_, points) => {
    expect(theilSen(points)).toBeNull();
  });
  it("refuses NaN", () =>
    expect(() =>
      theilSen([
        [0, 1],
        [1, Number.NaN],
      ]),
    ).toThrow("NaN"));
});

describe("crossing of a threshold (A-FUT-2)", () => {
  const line = (slope: number) => Array.from({ length: 11 }, (_, x) => [x, 5 + slope * x] as const);
  it.each([
    ["a rising line says when", 2, 45, 20],
    ["a line that is there says now", 2, 25, 10],
    ["a flat line below never", 0, 6, null],
    ["a flat line above is there", 0, 4, 10],
    ["a falling line below never", -1, 6, null],
  ])("%s", (_, slope, threshold, at) => {
    expect(crossingTime(theilSen(line(slope))!, threshold)?.at ?? null).toBe(at);
  });
  it("comes with the earliest and the latest of the band; latest is null where it may never come", () => {
    const certain = crossingTime(
      theilSen(uniforms(5, 40).map((u, x) => [x, 0.3 * x + 6 * u] as const))!,
      30,
    )!;
    expect(certain.earliest).toBeLessThan(certain.at);
    expect(certain.latest).toBeGreaterThan(certain.at);
    const chance = theilSen(uniforms(6, 40).map((u, x) => [x, 0.001 * x + 6 * u] as const))!;
    expect(crossingTime({ ...chance, slope: 0.001 }, 30)!.latest).toBeNull();
  });
});
