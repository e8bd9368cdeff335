import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { backtest, oneSeries, planBacktest } from "../backtest.ts";
import { type ForecastModel, openFamily } from "../families.ts";
import { QuantileCache } from "../quantile-cache.ts";
import { type ForecastSpec, firstSteps } from "../quantile-forecast.ts";
import { chronosT5Family } from "./family.ts";
import { RANDOM_T5 } from "./reference.fixture.ts";

const spec: ForecastSpec = { horizon: 8, context_length: 40, num_samples: 40, temperature: 1, seed: 3 };
const season = [0, 40, 80, 120];
const contexts = [0, 1, 2].map((s) =>
  Float32Array.from({ length: 60 }, (_, t) => 300 + 20 * s + Math.sin(t * (s + 1)) + season[t % 4]!),
);

let model: ForecastModel;
beforeAll(async () => {
  model = await openFamily("chronos-t5", RANDOM_T5);
});
afterAll(() => model.release());

describe("model family chronos-t5", () => {
  it("draws itself, by knobs of its own", () => {
    expect(model.sampling).toBe("own");
    expect(chronosT5Family.heeds).toEqual(["context_length", "num_samples", "temperature"]);
    expect(chronosT5Family.parameters.map(({ name }) => name)).toEqual(["top_k", "top_p"]);
  });

  it("forecasts a context alike alone, among others and in any order", async () => {
    const together = await model.forecast(contexts, spec);
    const fresh = await openFamily("chronos-t5", RANDOM_T5);
    const reversed = await fresh.forecast(contexts.toReversed(), spec);
    expect(reversed.toReversed()).toEqual(together);
    await fresh.release();
  });

  it("reports mean and interval of its samples, and a prefix of them", async () => {
    const [forecast] = await model.predictQuantiles([contexts[0]!], spec);
    const { drawn, values } = forecast!;
    for (let h = 0; h < spec.horizon; h += 1) {
      expect(drawn!.lower[h]).toBeLessThanOrEqual(values[h * 9]!);
      expect(drawn!.upper[h]).toBeGreaterThanOrEqual(values[h * 9 + 8]!);
      expect(drawn!.mean[h]).toBeGreaterThan(drawn!.lower[h]!);
      expect(drawn!.mean[h]).toBeLessThan(drawn!.upper[h]!);
    }
    expect(model.summarise(firstSteps(forecast!, 3), spec).mean).toEqual(drawn!.mean.slice(0, 3));
  });

  it.each<[string, Partial<ForecastSpec>]>([
    ["temperature", { temperature: 0.5 }],
    ["num_samples", { num_samples: 39 }],
    ["context_length", { context_length: 39 }],
    ["seed", { seed: 4 }],
    ["top_k", { model_params: { top_k: 20 } }],
    ["top_p", { model_params: { top_p: 0.6 } }],
  ])("heeds %s", async (_, change) => {
    const changed = await model.forecast([contexts[0]!], { ...spec, ...change });
    expect(changed).not.toEqual(await model.forecast([contexts[0]!], spec));
  });

  it("shares random numbers between configurations of one window, not between windows", async () => {
    // So hot that every token is as likely as any other: draws follow from the random numbers alone.
    const hot = { ...spec, temperature: 1e9, model_params: { top_k: 0 } };
    const drawnOf = async (context: Float32Array, context_length: number) => {
      const [forecast] = await model.forecast([context], { ...hot, context_length });
      const taken = context.slice(-context_length).map(Math.abs);
      const scale = taken.reduce((sum, value) => sum + value, 0) / taken.length;
      return [...forecast!.mean].map((value) => (value / scale).toFixed(4));
    };
    const drawn = await drawnOf(contexts[0]!, 40);
    expect(await drawnOf(contexts[0]!, 20)).toEqual(drawn);
    expect(await drawnOf(contexts[1]!, 40)).not.toEqual(drawn);
    expect(await drawnOf(contexts[0]!.slice(0, -1), 40)).not.toEqual(drawn);
  });

  it("top_k 1 and a temperature near 0 both take the likeliest token", async () => {
    const few = { ...spec, num_samples: 5 };
    const [first] = await model.forecast([contexts[0]!], { ...few, model_params: { top_k: 1 } });
    const [cold] = await model.forecast([contexts[0]!], { ...few, temperature: 1e-4 });
    expect(first!.lower).toEqual(first!.upper);
    expect(cold!.mean).toEqual(first!.mean);
  });

  it("forecasts a season that it does not see", async () => {
    const unseasonal = { ...spec, horizon: 4, num_samples: 20 };
    const at = async (season_length: number) =>
      (await model.forecast([contexts[0]!], { ...unseasonal, season_length }))[0]!;
    const seasonal = await at(4);
    const flat = contexts[0]!.map((value, t) => value - season[t % 4]! + 60);
    const [plain] = await model.forecast([flat], unseasonal);
    // Centred seasons are −60, −20, 20, 60; what the model sees is the series without them.
    seasonal.upper.forEach((value, h) => {
      expect(Math.abs(value - (season[h % 4]! - 60) - plain!.upper[h]!)).toBeLessThan(
        0.25 * Math.abs(plain!.upper[h]!),
      );
    });
  });

  it.each<[string, Partial<ForecastSpec>]>([
    ["temperature", { temperature: 0 }],
    ["temperature", { temperature: Number.NaN }],
    ["num_samples", { num_samples: 0 }],
    ["num_samples", { num_samples: 2.5 }],
    ["seed", { seed: 0.5 }],
    ["horizon", { horizon: 0 }],
    ["model_params.top_k", { model_params: { top_k: -1 } }],
    ["model_params.top_k", { model_params: { top_k: "all" } }],
    ["model_params.top_p", { model_params: { top_p: 0 } }],
    ["model_params.top_p", { model_params: { top_p: 1.01 } }],
  ])("refuses a wrong %s and names it: %o", async (field, wrong) => {
    const error: unknown = await model
      .forecast(contexts, { ...spec, ...wrong })
      .catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(InvalidInputError);
    expect((error as Error).message).toMatch(new RegExp(`^${field.replace(".", "\\.")} is `));
  });

  it("A-OPT-1: a backtest scores its sample mean, the same from a cache", async () => {
    const values = Float64Array.from({ length: 70 }, (_, t) => 100 + 3 * Math.sin(t));
    const plan = planBacktest(values.length, 3, 4, 1);
    const cache = new QuantileCache();
    const run = (temperature: number) =>
      backtest(
        model,
        oneSeries(values, 1),
        plan,
        { context_length: 30, num_samples: 10, temperature, seed: 1 },
        { cache },
      );
    const { inference_ms: _, ...first } = await run(1);
    expect(Number.isFinite(first.rmse)).toBe(true);
    await run(0.7);
    const { inference_ms: __, ...again } = await run(1);
    expect(again).toEqual(first);
    expect(cache.hits).toBe(first.windows);
  });
});
