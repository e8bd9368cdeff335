import { describe, expect, it } from "vitest";
import { errorStd, mae, mape, meanError, pinballLoss, rmse } from "../statistics/errors.ts";
import { backtest, oneSeries } from "./backtest.ts";
import { openFamily } from "./families.ts";
import type { SeriesForecast } from "./quantile-forecast.ts";
import { meanLoss, OBJECTIVES, type Objective, quantileLoss, windowLoss } from "./window-loss.ts";
import { addSums, measuresOf, NO_SUMS } from "./window-sums.ts";

const levels = [0.1, 0.5, 0.9];
const forecast: SeriesForecast = {
  mean: Float64Array.of(10, 12, 14),
  lower: Float64Array.of(8, 9, 10),
  upper: Float64Array.of(12, 15, 18),
  levels,
  quantiles: [
    [9, 10, 11],
    [10, 12, 14],
    [11, 14, 17],
  ].map((row) => Float64Array.from(row)),
};
const past = Float64Array.of(1, 3, 2, 4, 3);

function loss(objective: Objective, ...targets: number[]): number | null {
  return windowLoss(objective, { targets: Float64Array.from(targets), forecast, past, seasonLength: 1 });
}

describe("the loss of a window", () => {
  it.each<[Objective, number[], number | null]>([
    ["rmse", [11, Number.NaN, 12], (1 + 4) / 2],
    ["mae", [11, Number.NaN, 12], (1 + 2) / 2],
    ["mape", [8, 0, 28], 100 * ((2 / 8 + 14 / 28) / 2)],
    ["mape", [0, 0, 0], null],
    ["mase", [11, 14, 13], (1 + 2 + 1) / 3 / ((2 + 1 + 2 + 1) / 4)],
    ["rmse", [Number.NaN, Number.NaN, Number.NaN], null],
  ])("%s of %j is %j", (objective, targets, expected) => {
    const found = loss(objective, ...targets);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(expected, 12);
  });

  it("wql is twice the mean pinball loss over levels and steps", () => {
    const targets = [12, 11, 13];
    const pinballs = levels.map((level, k) =>
      pinballLoss(
        targets,
        forecast.quantiles.map((row) => row[k]!),
        level,
      ),
    );
    expect(loss("wql", ...targets)).toBeCloseTo((2 * pinballs.reduce((a, b) => a + b)) / levels.length, 12);
    expect(quantileLoss(forecast, 0, 10)).toBeCloseTo((2 * (0.1 + 0.1)) / 3, 12);
  });

  it("cannot be told by MASE on a past that repeats itself, and is infinite for what is not finite", () => {
    const constant = Float64Array.of(3, 3, 3);
    const window = { targets: Float64Array.of(4), forecast, past: constant, seasonLength: 1 };
    expect(windowLoss("mase", window)).toBeNull();
    const broken = { ...forecast, mean: Float64Array.of(Number.NaN, 1, 1) };
    for (const objective of ["rmse", "mae", "mase"] as const)
      expect(windowLoss(objective, { ...window, past, forecast: broken })).toBe(Infinity);
  });

  it("is averaged over what can be told", () => {
    expect([meanLoss([1, null, 3]), meanLoss([null]), meanLoss([])]).toEqual([2, null, null]);
  });
});

describe("measures from the sums of windows", () => {
  const values = Float64Array.from({ length: 60 }, (_, t) => 20 + 5 * Math.sin(t) + (t % 11 === 0 ? 9 : 0));

  it("are those of all errors together, whichever windows are put together", async () => {
    const model = await openFamily("last-value");
    const plan = { cutoffs: [40, 45, 50, 57], horizon: 4 };
    const spec = { context_length: 30, num_samples: 1, temperature: 1, seed: 1 };
    const found = await backtest(model, oneSeries(values, 1), plan, spec);
    const [first, second] = [found.sums.slice(0, 2), found.sums.slice(2)].map((part) =>
      part.reduce((a, b) => addSums(a!, b!), NO_SUMS),
    );
    const together = measuresOf(addSums(first!, second!));
    expect(together.n).toBe(14);
    expect(together.rmse).toBeCloseTo(found.rmse, 12);
    expect(together.wql).toBeCloseTo(found.wql!, 12);

    const pairs = plan.cutoffs.flatMap((cutoff) =>
      [1, 2, 3, 4].flatMap((h) =>
        cutoff + h < 60 ? [{ actual: values[cutoff + h]!, guess: values[cutoff]! }] : [],
      ),
    );
    const actual = pairs.map((each) => each.actual);
    const guess = pairs.map((each) => Math.fround(each.guess));
    const errors = guess.map((value, i) => value - actual[i]!);
    expect(found.rmse).toBeCloseTo(rmse(errors), 9);
    expect(found.mae).toBeCloseTo(mae(errors), 9);
    expect(found.mape).toBeCloseTo(mape(actual, guess)!, 9);
    expect(found.mean_error).toBeCloseTo(meanError(errors), 9);
    expect(found.error_std).toBeCloseTo(errorStd(errors), 9);
  });

  it("of nothing are no number, never 0", () => {
    expect(measuresOf(NO_SUMS)).toEqual({
      ...{ rmse: Number.NaN, mape: null, mae: Number.NaN, wql: null, error_std: Number.NaN },
      ...{ mean_error: Number.NaN, coverage: Number.NaN, n: 0 },
    });
  });

  it("square to the mean of a search's losses where every window has as many targets", async () => {
    const model = await openFamily("last-value");
    const plan = { cutoffs: [40, 45, 50], horizon: 4 };
    const spec = { context_length: 30, num_samples: 1, temperature: 1, seed: 1 };
    for (const objective of OBJECTIVES) {
      const found = await backtest(model, oneSeries(values, 1), plan, spec, { objective });
      const mean = meanLoss(found.losses)!;
      if (objective === "rmse") expect(Math.sqrt(mean)).toBeCloseTo(found.rmse, 9);
      if (objective === "mae") expect(mean).toBeCloseTo(found.mae, 9);
      if (objective === "mape") expect(mean).toBeCloseTo(found.mape!, 9);
    }
  });
});
