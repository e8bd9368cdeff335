import { describe, expect, it } from "vitest";
import { autoregressive } from "../../statistics/lcg.fixture.ts";
import { lastValue } from "../baselines/baselines.ts";
import { interpolate } from "../interpolate.ts";
import { normalQuantile } from "../normal.ts";
import { varFamily } from "./family.ts";
import { vectorAutoregression } from "./var.ts";

const leader = autoregressive(2, 300, 0.5);
const shocks = autoregressive(3, 300, 0);
const follower = [0];
for (let t = 1; t < 300; t += 1)
  follower.push(0.2 * follower[t - 1]! + 0.9 * leader[t - 1]! + 0.2 * shocks[t]!);
const both = [leader, follower].map((values) => Float64Array.from(values));

const spec = { horizon: 3, context_length: 400, num_samples: 1, temperature: 1, seed: 1 };
const ends = (...endMs: number[]) => endMs.map((at, i) => ({ entity: `e${i}`, endMs: at }));
const opened = await varFamily.open(undefined, {});
const contexts = [leader, follower].map((values) => Float32Array.from(values));

describe("var", () => {
  it("gives the forecasts and standard errors of statsmodels 0.15.0", () => {
    const means = [
      [0.44987, 0.17631, 0.05115],
      [0.63312, 0.53074, 0.25657],
    ];
    const sds = [
      [0.9784, 1.09409, 1.11196],
      [0.1966, 0.91197, 1.10639],
    ];
    const forecasts = vectorAutoregression(both, 3, { lags: 2, differences: 0, ridge: 1e-9 });
    forecasts.forEach(({ values }, s) => {
      for (let h = 0; h < 3; h += 1) {
        expect(values[9 * h + 4]).toBeCloseTo(means[s]![h]!, 3);
        expect((values[9 * h + 8]! - values[9 * h + 4]!) / normalQuantile(0.9)).toBeCloseTo(sds[s]![h]!, 3);
      }
    });
  });

  it("lets entities that end together help each other (E-ENS-1)", async () => {
    const together = await opened.predictQuantiles(contexts, { ...spec, series: ends(5, 5) });
    const alone = await opened.predictQuantiles(contexts, spec);
    const spread = (values: Float64Array) => values[8]! - values[0]!;
    expect(spread(together[1]!.values)).toBeLessThan(0.4 * spread(alone[1]!.values));
  });

  it("never lets contexts of different cutoffs meet: a later window knows an earlier one's future", async () => {
    const windows = [contexts[0]!.subarray(0, 290), contexts[0]!.subarray(0, 291)];
    const apart = await opened.predictQuantiles(windows, { ...spec, series: ends(290, 291) });
    const single = await opened.predictQuantiles([windows[0]!], { ...spec, series: ends(290) });
    expect(apart[0]).toEqual(single[0]);
  });

  it("forecasts a new entity alone, and the others as if it were not there", async () => {
    const young = Float32Array.from({ length: 30 }, (_, t) => t % 5);
    const three = await opened.predictQuantiles([...contexts, young], { ...spec, series: ends(5, 5, 5) });
    const two = await opened.predictQuantiles(contexts, { ...spec, series: ends(5, 5) });
    expect(three.slice(0, 2)).toEqual(two);
    expect(three[2]!.values.every(Number.isFinite)).toBe(true);
  });

  it("of differences goes on from the last value", () => {
    let level = 1000;
    const walk = Float64Array.from(leader, (value) => (level += value));
    const [forecast] = vectorAutoregression([walk], 3, { lags: 1, differences: 1, ridge: 1e-6 });
    expect(forecast!.values[4]).toBeCloseTo(level + 0.5 * leader.at(-1)!, 0);
    expect(forecast!.values[26]! - forecast!.values[18]!).toBeGreaterThan(
      forecast!.values[8]! - forecast!.values[0]!,
    );
  });

  it("takes differences by itself where most series wander", () => {
    let level = 0;
    const walk = Float64Array.from(leader, (value) => {
      level += value;
      return level;
    });
    const by = (series: Float64Array[], differences: number | "auto") =>
      vectorAutoregression(series, 2, { lags: 1, differences, ridge: 1e-3 });
    expect(by([walk], "auto")).toEqual(by([walk], 1));
    expect(by(both, "auto")).toEqual(by(both, 0));
  });

  it("gives up lags for rows, and is a random walk where not even one lag is left", () => {
    const options = { lags: 24, differences: 0, ridge: 1e-3 };
    const short = Float64Array.from(leader.slice(0, 30));
    expect(vectorAutoregression([short], 2, options)).toEqual(
      vectorAutoregression([short], 2, { ...options, lags: 6 }),
    );
    const [four] = vectorAutoregression([Float64Array.of(1, 2, 3, 5)], 2, options);
    lastValue([1, 2, 3, 5], 2).values.forEach((value, i) => {
      expect(four!.values[i]).toBeCloseTo(value, 9);
    });
  });

  it("is a random walk where the fit explodes", () => {
    const growth = Float64Array.from({ length: 60 }, (_, t) => Math.exp(t / 3));
    const [forecast] = vectorAutoregression([growth], 30, { lags: 2, differences: 0, ridge: 1e-9 });
    expect(forecast!.values[9 * 29 + 4]).toBeCloseTo(growth.at(-1)!, 3);
  });

  it.each([[0], [1]])("repeats a constant without spread, differences %d", (differences) => {
    const [forecast] = vectorAutoregression([new Float64Array(40).fill(7)], 2, {
      lags: 2,
      differences,
      ridge: 1e-3,
    });
    forecast!.values.forEach((value) => {
      expect(value).toBeCloseTo(7, 9);
    });
  });

  it("widens for the values it interpolated, each series for its own", async () => {
    const levels = [0, 0];
    const walks = [leader, follower].map((changes, s) =>
      Float32Array.from(changes, (change) => (levels[s]! += change)),
    );
    const holes = walks[0]!.map((value, t) => (t % 4 === 3 ? value : Number.NaN));
    const spread = (values: Float64Array) => values[8]! - values[0]!;
    const bridged = [Float32Array.from(interpolate(holes)), walks[1]!];
    const together = { ...spec, series: ends(5, 5) };
    const [own, other] = await opened.predictQuantiles([holes, walks[1]!], together);
    const [narrow, same] = await opened.predictQuantiles(bridged, together);
    expect(spread(own!.values) / spread(narrow!.values)).toBeCloseTo(Math.sqrt(297 / 75), 4);
    other!.values.forEach((value, i) => {
      expect(value).toBeCloseTo(same!.values[i]!, 4);
    });
  });
});
