import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../errors.ts";
import { normalQuantile } from "./normal.ts";
import { NINE_LEVELS, type QuantileForecast } from "./quantile-forecast.ts";
import { drawForecast, drawStep, empiricalQuantile } from "./sampling.ts";

const spec = { num_samples: 2000, temperature: 1, seed: 1 };

describe("drawForecast", () => {
  it("gives mean and 95 % interval of the predicted law", () => {
    const { mean, lower, upper } = drawForecast(gaussian(100, 5, 3), { ...spec, num_samples: 20_000 });
    for (const h of [0, 1, 2]) {
      expect(mean[h]).toBeCloseTo(100, 0);
      expect(lower[h]! / (100 - 1.96 * 5)).toBeCloseTo(1, 1.7);
      expect(upper[h]! / (100 + 1.96 * 5)).toBeCloseTo(1, 1.7);
    }
  });

  it.each([0.5, 0.8, 1.2, 3])("scales the spread about the median by temperature %f", (temperature) => {
    const plain = drawForecast(gaussian(100, 5, 2), spec);
    const tempered = drawForecast(gaussian(100, 5, 2), { ...spec, temperature });
    expect(tempered.upper[1]! - tempered.lower[1]!).toBeCloseTo(
      temperature * (plain.upper[1]! - plain.lower[1]!),
      9,
    );
    expect(tempered.mean[0]! - 100).toBeCloseTo(temperature * (plain.mean[0]! - 100), 9);
    expect(tempered.quantiles[0]![4]).toBeCloseTo(100, 9);
    expect(tempered.quantiles[0]![8]! - 100).toBeCloseTo(temperature * 5 * normalQuantile(0.9), 9);
  });

  it("is what scaling each draw gives", () => {
    const forecast = gaussian(7, 2, 1);
    const draws = drawStep(NINE_LEVELS, forecast.values, 1, 1, 50)
      .map((x) => 7 + 0.8 * (x - 7))
      .sort();
    const { lower, mean } = drawForecast(forecast, { num_samples: 50, temperature: 0.8, seed: 1 });
    expect(lower[0]).toBeCloseTo(empiricalQuantile(draws, 0.025), 10);
    expect(mean[0]).toBeCloseTo(draws.reduce((sum, x) => sum + x, 0) / 50, 10);
  });

  it("draws anew at each step and with each seed, and the same again when asked again", () => {
    const once = drawForecast(gaussian(0, 1, 2), spec);
    expect(once.mean[0]).not.toBe(once.mean[1]);
    expect(drawForecast(gaussian(0, 1, 2), spec)).toEqual(once);
    expect(drawForecast(gaussian(0, 1, 2), { ...spec, seed: 2 }).mean).not.toEqual(once.mean);
  });

  it("gives a single draw no spread", () => {
    const { mean, lower, upper } = drawForecast(gaussian(0, 1, 1), { ...spec, num_samples: 1 });
    expect([lower[0], upper[0]]).toEqual([mean[0], mean[0]]);
  });

  it.each([
    [{ num_samples: 0 }, "num_samples is 0"],
    [{ num_samples: 1.5 }, "num_samples is 1.5"],
    [{ temperature: 0 }, "temperature is 0"],
    [{ temperature: Number.NaN }, "temperature is NaN"],
    [{ seed: 0.5 }, "seed is 0.5"],
  ])("refuses %o", (wrong, words) => {
    const draw = () => drawForecast(gaussian(0, 1, 1), { ...spec, ...wrong });
    expect(draw).toThrow(InvalidInputError);
    expect(draw).toThrow(words);
  });
});

describe("drawStep", () => {
  it("makes fewer draws a prefix of more", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        (seed, step, few, more) => {
          const { values } = gaussian(3, 2, 1);
          const long = drawStep(NINE_LEVELS, values, seed, step, few + more);
          expect(drawStep(NINE_LEVELS, values, seed, step, few)).toEqual(long.slice(0, few));
        },
      ),
    );
  });
});

describe("empiricalQuantile", () => {
  it.each([
    [[1, 2, 3, 4, 5], 0.5, 3],
    [[1, 2, 3, 4, 5], 0.1, 1.4],
    [[1, 2], 0.975, 1.975],
    [[7], 0.3, 7],
  ])("of %j at %f is %f", (values, p, expected) => {
    expect(empiricalQuantile(values, p)).toBeCloseTo(expected, 12);
  });
});

function gaussian(mean: number, sd: number, horizon: number): QuantileForecast {
  const row = NINE_LEVELS.map((level) => mean + sd * normalQuantile(level));
  return { levels: NINE_LEVELS, horizon, values: Float64Array.from(Array(horizon).fill(row).flat()) };
}
