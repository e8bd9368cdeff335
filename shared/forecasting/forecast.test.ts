import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidInputError } from "../errors.ts";
import { drawForecast, type ForecastSpec, forecastSeries, predictQuantiles } from "./forecast.ts";
import { loadOnnxModel, type QuantileModel } from "./onnx-model.ts";
import { isFiniteForecast } from "./quantile-forecast.ts";
import { randomKey, uniformAt } from "./random.ts";

const spec: ForecastSpec = { horizon: 24, context_length: 365, num_samples: 100, temperature: 1, seed: 1 };
let model: QuantileModel;
beforeAll(async () => {
  model = await loadOnnxModel(new URL("../../models/tiny-bolt/model.onnx", import.meta.url).pathname);
});
afterAll(() => model.release());

const noiseKey = randomKey(9);
/** A level with a sine of period 24 and a little noise. */
const daily = (length: number) =>
  Float32Array.from(
    { length },
    (_, t) => 50 + 10 * Math.sin((t * Math.PI) / 12) + uniformAt(noiseKey, t) - 0.5,
  );

describe("forecastSeries with the shipped model", () => {
  it.each([24, "auto"] as const)(
    "forecasts a period of 24 far better with the season taken out (%s)",
    async (season_length) => {
      const series = daily(24 * 12 + 24);
      const context = series.slice(0, -24);
      const error = async (extra: Partial<ForecastSpec>) => {
        const [forecast] = await forecastSeries(model, [context], { ...spec, ...extra });
        return (
          Math.hypot(...forecast!.mean.map((value, h) => value - series[context.length + h]!)) / Math.sqrt(24)
        );
      };
      const seasonal = await error({ season_length });
      expect(seasonal).toBeLessThan(1);
      expect(seasonal).toBeLessThan(0.5 * (await error({ season_length: 1 })));
    },
  );

  it("orders lower, mean and upper, and widens with the horizon, also past the model's block", async () => {
    const [forecast] = await forecastSeries(model, [walk(300)], { ...spec, horizon: 90, num_samples: 400 });
    const { mean, lower, upper, quantiles } = forecast!;
    mean.forEach((value, h) => {
      expect(lower[h]).toBeLessThan(value);
      expect(upper[h]).toBeGreaterThan(value);
    });
    expect(upper[60]! - lower[60]!).toBeGreaterThan(upper[0]! - lower[0]!);
    expect(quantiles).toHaveLength(90);
    expect([...quantiles[89]!]).toEqual([...quantiles[89]!].sort((a, b) => a - b));
  });

  it("is its two halves, of which the first does not depend on samples or temperature", async () => {
    const [quantiles] = await predictQuantiles(model, [walk(200)], spec);
    const drawn = { ...spec, num_samples: 50, temperature: 0.8 };
    expect(await forecastSeries(model, [walk(200)], drawn)).toEqual([drawForecast(quantiles!, drawn)]);
  });

  it("looks at the last context_length points only", async () => {
    const series = walk(400);
    const changed = series.slice().fill(1e6, 0, 400 - 90);
    const short = { ...spec, context_length: 90 };
    expect(await forecastSeries(model, [changed], short)).toEqual(
      await forecastSeries(model, [series], short),
    );
  });

  it("takes missing values", async () => {
    const series = daily(300);
    for (let t = 0; t < 300; t += 3) series[t] = Number.NaN;
    const [forecast] = await forecastSeries(model, [series], { ...spec, season_length: 24 });
    expect(isFiniteForecast(forecast!)).toBe(true);
    expect(Math.max(...forecast!.mean)).toBeGreaterThan(55);
  });

  it.each([0, 5, -3.25, 950, 1e9])("forecasts a constant of %f as itself", async (level) => {
    const [forecast] = await forecastSeries(model, [new Float32Array(100).fill(level)], {
      ...spec,
      horizon: 70,
      season_length: 7,
    });
    const tolerance = Math.max(1e-3, Math.abs(level) * 1e-5);
    for (const values of [forecast!.mean, forecast!.lower, forecast!.upper]) {
      for (const value of values) expect(Math.abs(value - level)).toBeLessThan(tolerance);
    }
  });

  it.each([
    [
      "nothing observed",
      new Float32Array(50).fill(Number.NaN),
      {},
      /context 0 has 0 observed values.*needs at least 4/,
    ],
    ["three points", Float32Array.of(1, 2, 3), {}, /has 3 observed values/],
    ["no point", new Float32Array(), {}, /has 0 observed values/],
    ["infinity", Float32Array.of(1, 2, 3, Infinity, 4), {}, /holds Infinity/],
    ["a horizon of 0", new Float32Array(50), { horizon: 0 }, /horizon is 0/],
    ["half a context", new Float32Array(50), { context_length: 10.5 }, /context_length is 10.5/],
    ["a temperature of -1", new Float32Array(50), { temperature: -1 }, /temperature is -1/],
  ])("refuses %s", async (_, context, wrong, words) => {
    const error: unknown = await forecastSeries(model, [context], { ...spec, ...wrong }).catch(
      (cause: unknown) => cause,
    );
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as Error).message).toMatch(words);
  });
});

function walk(length: number): Float32Array {
  let level = 100;
  return Float32Array.from({ length }, (_, t) => (level += uniformAt(noiseKey, t) - 0.5));
}
