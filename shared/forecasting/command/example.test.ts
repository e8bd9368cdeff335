import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { backtest, oneSeries } from "../backtest.ts";
import { packBundle } from "../bundle/bundle.ts";
import { openFamily } from "../families.ts";
import type { TrainingRequest } from "../family.ts";
import { commandFamilyOf } from "./family.ts";
import { allowedTrainers } from "./trainers.ts";

const MODELS = new URL("../../../models", import.meta.url).pathname;
const hasNumpy = (() => {
  try {
    execFileSync("python3", ["-c", "import numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

const DAY_MS = 86_400_000;
const values = Float64Array.from({ length: 400 }, (_, t) =>
  t % 37 === 5 ? Number.NaN : 200 + t / 10 + 20 * Math.sin((2 * Math.PI * t) / 7) + 4 * Math.sin(t * t),
);
const times = values.map((_, t) => t * DAY_MS);
const grid = { stepMs: DAY_MS, calendar: "all" } as const;
const params = {
  ...{ context_length: 28, num_samples: 50, temperature: 1 },
  model_params: { trainer: "command-example", alpha: 0.1 },
};

describe.skipIf(!hasNumpy)("models/command-example, where python3 and numpy are", () => {
  const family = commandFamilyOf(allowedTrainers({ RETUNE_TRAINERS: MODELS }));
  const trainedTo = 360;
  const request: TrainingRequest = {
    series: [{ entity: null, values: values.slice(0, trainedTo), endMs: times[trainedTo - 1]! }],
    ...{ grid, horizon: 5, seasonLength: 7, params, seed: 1, parent: null },
  };

  it("learns a weekly wave: half the error of last value on days it has not seen", async () => {
    const packed = packBundle(await family.train!(request));
    const trained = await family.open(packed, {});
    const naive = await openFamily("last-value");
    const data = oneSeries(values, 7, { times, grid });
    const plan = { cutoffs: Array.from({ length: 34 }, (_, i) => trainedTo - 1 + i), horizon: 5 };
    const spec = { ...params, seed: 1 };
    const model = { name: "command", ...trained, forecast: naive.forecast };
    const [ours, theirs] = [await backtest(model, data, plan, spec), await backtest(naive, data, plan, spec)];
    await trained.release();
    expect(ours.rmse).toBeLessThan(theirs.rmse / 2);
    expect(ours.coverage).toBeGreaterThan(0.8);
    expect(packBundle(await family.train!(request))).toEqual(packed);
  });

  it("says so when there is too little to learn from", async () => {
    const short = { ...request, series: [{ ...request.series[0]!, values: values.slice(0, 20) }] };
    await expect(family.train!(short)).rejects.toThrow(/cannot learn from the data: .*needs 20/);
  });
});
