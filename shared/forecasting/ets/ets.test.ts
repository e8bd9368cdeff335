import { describe, expect, it } from "vitest";
import { autoregressive } from "../../statistics/lcg.fixture.ts";
import { lastValue } from "../baselines/baselines.ts";
import { coverageWithHoles } from "../holes.fixture.ts";
import { ets, type SeasonTreatment } from "./ets.ts";

const noise = autoregressive(3, 140, 0);
const weekly = noise.map((value, t) => 50 + 0.1 * t + 10 * Math.sin((2 * Math.PI * t) / 7) + value);
const truth = (h: number) => 50 + 0.1 * (139 + h) + 10 * Math.sin((2 * Math.PI * (139 + h)) / 7);
const at = (values: Float64Array, level: number) => [...values].filter((_, i) => i % 9 === level);

describe("ets", () => {
  it.each<SeasonTreatment>(["stl", "classical"])("follows trend and season, taken out by %s", (treatment) => {
    const { values } = ets(weekly, 14, 7, treatment);
    at(values, 4).forEach((median, h) => {
      expect(Math.abs(median - truth(h + 1))).toBeLessThan(2);
    });
  });

  it("leaves the season in when told so, and widens for it", () => {
    const spread = (treatment: SeasonTreatment) => {
      const { values } = ets(weekly, 1, 7, treatment);
      return values[8]! - values[0]!;
    };
    expect(spread("none")).toBeGreaterThan(2 * spread("classical"));
  });

  it("covers its 10 % and 90 % quantiles about as often as it says", () => {
    let inside = 0;
    const rounds = 200;
    for (let k = 0; k < rounds; k += 1) {
      const series = autoregressive(100 + k, 41, 0);
      const { values } = ets(series.slice(0, 40), 1, 1, "none");
      if (values[0]! <= series[40]! && series[40]! <= values[8]!) inside += 1;
    }
    expect(inside / rounds).toBeGreaterThan(0.7);
    expect(inside / rounds).toBeLessThan(0.9);
  });

  it.each([
    ["few values", [1, 2, 1, 3]],
    [
      "a last value a million times the others, whose trend explodes",
      [...noise.slice(0, 60).map((x) => x + 50), 1e8],
    ],
  ])("is a random walk for %s", (_, context) => {
    const walk = lastValue(context, 6).values;
    ets(context, 6, 1, "stl").values.forEach((value, i) => {
      expect(value).toBeCloseTo(walk[i]!, 6);
    });
  });

  it("repeats a constant without spread", () => {
    expect(new Set(ets(Array<number>(30).fill(4), 3, 7, "stl").values)).toEqual(new Set([4]));
  });

  it("bridges missing values, at the end too", () => {
    const holes = weekly.map((value, t) => (t % 10 === 4 || t > 137 ? Number.NaN : value));
    at(ets(holes, 7, 7, "stl").values, 4).forEach((median, h) => {
      expect(Math.abs(median - truth(h + 1))).toBeLessThan(6);
    });
  });

  it("covers a random walk about as often as it says with three values of four missing", () => {
    expect(coverageWithHoles((holes) => ets(holes, 1, 1, "none"))).toBeGreaterThan(0.7);
  });
});
