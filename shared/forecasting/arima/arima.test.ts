import { describe, expect, it, vi } from "vitest";
import { autoregressive } from "../../statistics/lcg.fixture.ts";
import { lastValue, seasonalNaive } from "../baselines/baselines.ts";
import { openFamily } from "../families.ts";
import { coverageWithHoles } from "../holes.fixture.ts";
import { normalQuantile } from "../normal.ts";
import type { QuantileForecast } from "../quantile-forecast.ts";
import { arima } from "./arima.ts";
import { integratedNoise } from "./integrated-noise.ts";

const stationary = autoregressive(1, 200, 0.7);
let level = 0;
const wandering = stationary.map((value) => (level += value));
const weekly = stationary.map((value, t) => value + 10 * Math.sin((2 * Math.PI * t) / 7));

const none = { p: 0, d: 0, q: 0, P: 0, D: 0, Q: 0 };

const medians = ({ values }: QuantileForecast) => [...values].filter((_, i) => i % 9 === 4);
const deviations = ({ values }: QuantileForecast) =>
  [...values].filter((_, i) => i % 9 === 8).map((q90, h) => (q90 - values[9 * h + 4]!) / normalQuantile(0.9));

describe("arima against statsmodels 0.15.0, exact maximum likelihood", () => {
  it.each([
    [
      "(1, 0, 1)",
      stationary,
      { ...none, p: 1, q: 1 },
      1,
      [-0.3029, -0.2722, -0.2503],
      [1.0361, 1.2105, 1.29],
    ],
    [
      "(1, 1, 1)",
      wandering,
      { ...none, p: 1, d: 1, q: 1 },
      1,
      [-35.0807, -35.2399, -35.3528],
      [1.0279, 1.9556, 2.8804],
    ],
    [
      "(0, 1, 1)",
      wandering,
      { ...none, d: 1, q: 1 },
      1,
      [-34.6657, -34.6657, -34.6657],
      [1.1342, 2.0716, 2.7013],
    ],
    [
      "(2, 1, 0)",
      wandering,
      { ...none, p: 2, d: 1 },
      1,
      [-35.0913, -35.2485, -35.3607],
      [1.0277, 1.951, 2.8771],
    ],
  ] as const)("%s: means and standard errors within 2 percent", (_, series, order, m, means, sds) => {
    const forecast = arima(series, 3, order, m);
    medians(forecast).forEach((mean, h) => {
      expect(Math.abs(mean - means[h]!)).toBeLessThan(0.02 * sds[h]!);
    });
    deviations(forecast).forEach((sd, h) => {
      expect(sd / sds[h]!).toBeCloseTo(1, 1.7);
    });
  });

  it("(1, 0, 0)(0, 1, 1)_7, whose optimum is flat: means within a third of a standard error", () => {
    const means = [-4.7084, -10.4136, -8.3223, -0.5858, 7.7475, 9.3343, 4.5954, -4.4023];
    const forecast = arima(weekly, 8, { ...none, p: 1, D: 1, Q: 1 }, 7);
    medians(forecast).forEach((mean, h) => {
      expect(Math.abs(mean - means[h]!)).toBeLessThan(0.35);
    });
    expect(deviations(forecast)[0]).toBeGreaterThan(0.9);
    expect(deviations(forecast)[0]).toBeLessThan(1.2);
  });
});

describe("arima", () => {
  it("without ARMA terms is the last value, or seasonal naive, in closed form", () => {
    const walk = arima(wandering, 5, { ...none, d: 1 }, 1).values;
    lastValue(wandering, 5).values.forEach((value, i) => {
      expect(walk[i]).toBeCloseTo(value, 9);
    });
    const seasonal = arima(weekly, 9, { ...none, D: 1 }, 7).values;
    seasonalNaive(weekly, 9, 7).values.forEach((value, i) => {
      expect(seasonal[i]).toBeCloseTo(value, 9);
    });
  });

  it("takes a season of more than 24 steps out before the fit, and puts it back", () => {
    const daily = stationary.map((value, t) => value + 40 * Math.sin((2 * Math.PI * t) / 48));
    const truth = Array.from({ length: 48 }, (_, h) => 40 * Math.sin((2 * Math.PI * (200 + h)) / 48));
    medians(arima(daily, 48, { ...none, p: 1, D: 1, Q: 1 }, 48)).forEach((mean, h) => {
      expect(Math.abs(mean - truth[h]!)).toBeLessThan(6);
    });
  });

  it("differences by itself where a series wanders", () => {
    const automatic = (series: number[]) => arima(series, 3, { ...none, p: 1, d: "auto" }, 1);
    expect(automatic(wandering)).toEqual(arima(wandering, 3, { ...none, p: 1, d: 1 }, 1));
    expect(automatic(stationary)).toEqual(arima(stationary, 3, { ...none, p: 1, d: 0 }, 1));
  });

  it("has no seasonal terms where the context has no season", () => {
    const seasonless = arima(stationary, 4, { ...none, p: 1, D: 1, Q: 1 }, 7);
    expect(seasonless).toEqual(arima(stationary, 4, { ...none, p: 1 }, 1));
  });

  it.each([
    ["too few values for its orders", wandering.slice(0, 11), { ...none, p: 3, d: 1, q: 3 }],
    ["a constant context", Array<number>(40).fill(5.3), { ...none, p: 1, d: 1, q: 1 }],
    ["four values", [1, 2, 3, 5], { ...none, p: 1, d: 1, q: 1 }],
  ])("forecasts the differences alone for %s", (_, context, order) => {
    const { means, variances } = integratedNoise(Float64Array.from(context), 3, {
      d: 1,
      D: 0,
      seasonLength: 1,
    });
    const forecast = arima(context, 3, order, 1);
    medians(forecast).forEach((mean, h) => {
      expect(mean).toBeCloseTo(means[h]!, 9);
    });
    deviations(forecast).forEach((sd, h) => {
      expect(sd).toBeCloseTo(Math.sqrt(variances[h]!), 9);
    });
  });

  it("bridges missing values", () => {
    const holes = weekly.map((value, t) => (t % 9 === 4 || t < 3 || t > 197 ? Number.NaN : value));
    const forecast = arima(holes, 5, { ...none, p: 1, d: 1, q: 1, D: 1, Q: 1 }, 7);
    expect(forecast.values.every(Number.isFinite)).toBe(true);
  });

  it("forecasts alike whatever the unit: the optimiser's steps are absolute", () => {
    const order = { ...none, p: 1, d: 1, q: 1 };
    const plain = medians(arima(wandering, 3, order, 1));
    const tiny = medians(
      arima(
        wandering.map((value) => value * 1e-9),
        3,
        order,
        1,
      ),
    );
    tiny.forEach((mean, h) => {
      expect(mean * 1e9).toBeCloseTo(plain[h]!, 4);
    });
  });

  it("prints nothing, and gives up a fit that the library complains of", async () => {
    const log = vi.spyOn(console, "log");
    const model = await openFamily("arima");
    const context = Float32Array.from(
      autoregressive(5, 24, 0.99),
      (value, t) => value + 9 * Math.sin(t ** 2),
    );
    const spec = {
      horizon: 5,
      context_length: 99,
      num_samples: 1,
      temperature: 1,
      seed: 1,
      season_length: 7,
    };
    for (const p of [1, 2, 3, 4, 5])
      for (const q of [0, 3, 5]) {
        const [forecast] = await model.forecast([context], {
          ...spec,
          model_params: { p, d: 0, q, P: 1, Q: 1 },
        });
        const range = Math.max(...context) - Math.min(...context);
        expect(Math.max(...forecast!.upper.map(Math.abs))).toBeLessThan(30 * range);
      }
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
  });
});

describe("noise behind differences", () => {
  it("d = 2 continues a line with ψ = 1, 2, 3 …", () => {
    const { means, variances } = integratedNoise(Float64Array.of(0, 1, 2, 3, 5), 3, {
      d: 2,
      D: 0,
      seasonLength: 1,
    });
    expect([...means]).toEqual([7, 9, 11]);
    expect([...variances]).toEqual([1, 5, 14].map((sum) => (1 / 3) * sum));
  });

  it("d = 0 is the mean with the variance about it", () => {
    const { means, variances } = integratedNoise(Float64Array.of(1, 3), 2, { d: 0, D: 0, seasonLength: 1 });
    expect([[...means], [...variances]]).toEqual([
      [2, 2],
      [1, 1],
    ]);
  });

  it("leaves out differences that a series is too short for, the seasonal ones first", () => {
    const short = Float64Array.of(1, 4, 6);
    const plain = integratedNoise(short, 2, { d: 1, D: 0, seasonLength: 1 });
    expect(integratedNoise(short, 2, { d: 1, D: 1, seasonLength: 7 })).toEqual(plain);
  });
});

describe("arima with missing values", () => {
  it("covers a random walk about as often as it says with three values of four missing", () => {
    const forecast = (holes: readonly number[]) => arima(holes, 1, { ...none, d: 1 }, 1);
    expect(coverageWithHoles(forecast)).toBeGreaterThan(0.7);
  });
});
