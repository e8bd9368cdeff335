import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidInputError } from "../errors.ts";
import { backtest, oneSeries, planBacktest } from "./backtest.ts";
import { type ForecastModel, openFamily } from "./families.ts";
import { QuantileCache } from "./quantile-cache.ts";
import { randomKey, uniformAt } from "./random.ts";

const spec = { context_length: 90, num_samples: 50, temperature: 1, seed: 1 };
const key = randomKey(21);
let level = 900;
const walk = Float64Array.from({ length: 240 }, (_, t) => (level += uniformAt(key, t) - 0.5));
const series = oneSeries(walk, 1);

let bolt: ForecastModel;
let naive: ForecastModel;
beforeAll(async () => {
  bolt = await openFamily(
    "chronos-bolt",
    new URL("../../models/tiny-bolt/model.onnx", import.meta.url).pathname,
  );
  naive = await openFamily("last-value");
});
afterAll(() => bolt.release());

describe("planBacktest", () => {
  it.each([
    [
      [100, 3, 5, 1],
      [94, 95, 96, 97, 98],
    ],
    [
      [100, 3, 5, 2],
      [94, 96, 98],
    ],
    [[100, 3, 5, 9], [94]],
    [[9, 1, 1, 1], [7]],
  ])(
    "of length, horizon, test points and step size %j has the cutoffs %j",
    ([length, horizon, points, step], cutoffs) => {
      expect(planBacktest(length!, horizon!, points!, step)).toEqual({ cutoffs, horizon });
    },
  );

  it.each([
    [10, 1, 3, 1, /10 points is too short.*last 3/],
    [100, 0, 3, 1, /horizon is 0/],
    [100, 1, 3.5, 1, /testPoints is 3.5/],
    [100, 1, 3, 0, /stepSize is 0/],
  ])("refuses length %d, horizon %d, %d test points, step %d", (length, horizon, points, step, words) => {
    expect(() => planBacktest(length, horizon, points, step)).toThrow(words);
  });
});

describe("backtest (A-OPT-1)", () => {
  it("scores forecast minus actual over every target, fewer at the end", async () => {
    const values = Float64Array.of(0, 1, 0, 1, 0, 1, 0, 1, 4, 2, 3);
    const result = await backtest(naive, oneSeries(values, 1), planBacktest(11, 2, 3), spec);
    // Last values 1, 4, 2; errors 1-4, 1-2 | 4-2, 4-3 | 2-3.
    const errors = [-3, -1, 2, 1, -1];
    expect(result).toMatchObject({ n: 5, windows: 3, mae: 8 / 5, mean_error: -2 / 5 });
    expect(result.rmse).toBeCloseTo(Math.sqrt(16 / 5), 12);
    expect(result.error_std).toBeCloseTo(
      Math.sqrt(errors.reduce((sum, e) => sum + (e + 0.4) ** 2, 0) / 5),
      12,
    );
    expect(result.mape).toBeCloseTo((100 / 5) * (3 / 4 + 1 / 2 + 2 / 2 + 1 / 3 + 1 / 3), 10);
    expect(result.mase).toBeCloseTo(8 / 5, 12);
    expect(result.coverage).toBe(0.8); // only the jump to 4 lies outside ±1.96
  });

  it("skips targets that are missing and refuses a test region without any", async () => {
    const values = walk.slice();
    values[239] = Number.NaN;
    expect(await backtest(naive, oneSeries(values, 1), planBacktest(240, 1, 5), spec)).toMatchObject({
      n: 4,
      windows: 5,
    });
    values.fill(Number.NaN, 230);
    await expect(backtest(naive, oneSeries(values, 1), planBacktest(240, 1, 5), spec)).rejects.toThrow(
      InvalidInputError,
    );
  });

  it("sees nothing after the cutoff: the future does not change a forecast", async () => {
    const plan = planBacktest(240, 5, 6);
    const issued = async (values: Float64Array) => {
      const seen: Float64Array[] = [];
      const spy: ForecastModel = {
        ...bolt,
        summarise: (quantiles, draws) => {
          seen.push(quantiles.values.slice());
          return bolt.summarise(quantiles, draws);
        },
      };
      await backtest(spy, oneSeries(values, "auto"), plan, spec);
      return seen;
    };
    const plain = await issued(walk);
    for (const [w, cutoff] of plan.cutoffs.entries()) {
      const changed = walk.map((value, t) => (t > cutoff ? value * 3 + t : value));
      const forecasts = await issued(changed);
      expect(forecasts.slice(0, w + 1).map((values) => [...values])).toEqual(
        plain.slice(0, w + 1).map((values) => [...values]),
      );
    }
  });

  it("finds the same with a cache as one window and one configuration at a time", async () => {
    const plan = planBacktest(240, 7, 10);
    const cache = new QuantileCache();
    for (const context_length of [60, 120]) {
      for (const num_samples of [20, 40]) {
        for (const temperature of [0.8, 1.2]) {
          const tried = { ...spec, context_length, num_samples, temperature };
          const { inference_ms, ...cached } = await backtest(bolt, series, plan, tried, { cache });
          expect(inference_ms).toBeGreaterThan(0);
          let squares = 0;
          let count = 0;
          for (const cutoff of plan.cutoffs) {
            const one = await backtest(bolt, series, { ...plan, cutoffs: [cutoff] }, tried);
            squares += one.rmse ** 2 * one.n;
            count += one.n;
          }
          expect(cached.n).toBe(count);
          expect(cached.rmse / Math.sqrt(squares / count)).toBeCloseTo(1, 6);
        }
      }
    }
    expect(cache.misses).toBe(2 * 10); // 8 configurations, 2 context lengths, 10 windows
    expect(cache.hits).toBe(6 * 10);
  });

  it("finds the same with its contexts handed to the model one by one, and with its cutoffs in any order", async () => {
    const plan = planBacktest(240, 7, 10);
    const whole = await backtest(bolt, series, plan, spec);
    const single = await backtest(bolt, series, plan, spec, { batch: 1 });
    const reversed = await backtest(bolt, series, { ...plan, cutoffs: plan.cutoffs.toReversed() }, spec);
    for (const [w, loss] of whole.losses.entries()) {
      expect(single.losses[w]! / loss!).toBeCloseTo(1, 5);
      expect(reversed.losses.at(-1 - w)! / loss!).toBeCloseTo(1, 5);
    }
    expect(reversed.mase! / whole.mase!).toBeCloseTo(1, 5);
  });

  it("draws by the time of a cutoff where it knows it: next week's history gives a window the same loss", async () => {
    const times = Float64Array.from(walk, (_, t) => t * 86_400_000);
    const [now, later] = [0, 7].map((from) =>
      oneSeries(walk.subarray(from, 230 + from), 1, { times: times.subarray(from, 230 + from) }),
    );
    const short = { ...spec, context_length: 60 };
    const known = await backtest(bolt, now!, { cutoffs: [200, 210], horizon: 5 }, short);
    const again = await backtest(bolt, later!, { cutoffs: [193, 203], horizon: 5 }, short);
    expect(again.losses).toEqual(known.losses);
  });

  it("keeps the series of a cutoff together for a model that forecasts them jointly, and remembers them as one", async () => {
    const calls: number[][] = [];
    const joint: ForecastModel = {
      ...naive,
      joint: true,
      predictQuantiles: (contexts, wanted) => {
        calls.push(wanted.series!.map(({ endMs }) => endMs));
        return naive.predictQuantiles(contexts, wanted);
      },
    };
    const unscored = walk.map((value, t) => (t > 200 ? Number.NaN : value));
    const fleet = {
      series: ["a", "b"].map((entity) => ({ entity, values: entity === "a" ? walk : unscored })),
      ...{ times: Float64Array.from(walk, (_, t) => t), seasonLength: 1 },
    };
    const cache = new QuantileCache();
    const plan = { cutoffs: [200, 100], horizon: 3 };
    await backtest(joint, fleet, plan, spec, { cache, batch: 1 });
    expect(calls).toEqual([
      [200, 200],
      [100, 100],
    ]);
    await backtest(joint, fleet, plan, spec, { cache, batch: 1 });
    await backtest(joint, { ...fleet, series: fleet.series.slice(0, 1) }, plan, spec, { cache, batch: 1 });
    expect(calls.slice(2)).toEqual([[200], [100]]); // without its company it is another forecast
  });

  it("gives no configuration the better draws: the same seed draws alike for all", async () => {
    const plan = planBacktest(240, 7, 10);
    const [a, b] = await Promise.all([
      backtest(bolt, series, plan, spec),
      backtest(bolt, series, plan, { ...spec }),
    ]);
    expect({ ...a, inference_ms: 0 }).toEqual({ ...b, inference_ms: 0 });
    expect((await backtest(bolt, series, plan, { ...spec, seed: 2 })).rmse).not.toBe(a.rmse);
  });

  it("calls a model that forecasts NaN infinitely wrong (A-OPT-2)", async () => {
    const broken: ForecastModel = {
      ...naive,
      predictQuantiles: async (contexts, wanted) => {
        const forecasts = await naive.predictQuantiles(contexts, wanted);
        return forecasts.map((forecast) => ({ ...forecast, values: forecast.values.fill(Number.NaN) }));
      },
    };
    const result = await backtest(broken, series, planBacktest(240, 3, 5), spec);
    expect(result).toMatchObject({ rmse: Infinity, mae: Infinity, mape: Infinity, coverage: 0 });
  });
});

describe("QuantileCache", () => {
  it("forgets what was used longest ago", () => {
    const cache = new QuantileCache(2);
    const entry = {
      forecast: { levels: [], horizon: 0, values: new Float64Array() },
      inferenceMs: 1,
      summaries: new Map(),
    };
    for (const name of ["a", "b"]) cache.set(name, entry);
    cache.get("a");
    cache.set("c", entry);
    expect(["a", "b", "c"].map((name) => cache.get(name) !== undefined)).toEqual([true, false, true]);
  });

  it("keeps apart what makes another prediction, and nothing else", () => {
    const wanted = { horizon: 3, context_length: 9, num_samples: 5, temperature: 1, seed: 1 };
    const context = Float32Array.of(1, 2, 3);
    const keys = [
      QuantileCache.key(context, wanted),
      QuantileCache.key(Float32Array.of(1, 2, 4), wanted),
      QuantileCache.key(context, { ...wanted, horizon: 4 }),
      QuantileCache.key(context, { ...wanted, season_length: 7 }),
      QuantileCache.key(context, { ...wanted, context_length: 8 }),
      QuantileCache.key(context, { ...wanted, model_params: { top_k: 5 } }),
      QuantileCache.key(context, wanted, "own"),
      QuantileCache.key(context, { ...wanted, num_samples: 6 }, "own"),
      QuantileCache.key(context, { ...wanted, temperature: 2 }, "own"),
    ];
    expect(new Set(keys).size).toBe(9);
    expect(QuantileCache.key(context.slice(), { ...wanted, season_length: 1, temperature: 2 })).toBe(keys[0]);
  });
});
