import { fileURLToPath } from "node:url";
import type { Hyperparameters } from "../../shared/contracts/live-config.ts";
import { SearchSpec } from "../../shared/contracts/spec.ts";
import { type BacktestPlan, oneSeries, planBacktest } from "../../shared/forecasting/backtest.ts";
import { BacktestRunner } from "../../shared/forecasting/backtest-pool.ts";
import { chronosBoltFamily } from "../../shared/forecasting/chronos-bolt/family.ts";
import { openFamily } from "../../shared/forecasting/families.ts";
import { randomKey, uniform } from "../../shared/forecasting/random.ts";
import { nextGeneration, planSearch } from "../../shared/forecasting/search-plan.ts";
import { configAt } from "../../shared/forecasting/search-space.ts";
import { rmse } from "../../shared/statistics/errors.ts";
import { type BenchResult, quantile } from "./result.ts";

export const MODEL = fileURLToPath(new URL("../../models/tiny-bolt/model.onnx", import.meta.url));
const POINTS = 520; // two years of weekdays
export const HORIZON = 5;
export const BACKTEST_STEPS = 30;
const SEED = 1;
export const ROUNDS = 5;

/** A walk about 900 as daily exchange rates make it, the same on every machine. */
export function walk(): Float64Array {
  let level = 900;
  return Float64Array.from({ length: POINTS }, (_, t) => {
    const shock = uniform(SEED, t, 0) + uniform(SEED, t, 1) + uniform(SEED, t, 2) - 1.5;
    level += 6 * shock;
    return level;
  });
}

interface Search {
  /** RMSE of each point. */
  run(points: readonly Hyperparameters[]): Promise<number[]>;
  end(): Promise<void>;
}

/** The grid as the optimizer's workers try it: predictions are made in batches, once, and drawn from many times. */
export async function withReuse(values: Float64Array, plan: BacktestPlan): Promise<Search> {
  const runner = new BacktestRunner();
  const job = { family: "chronos-bolt", artifactPath: MODEL };
  const data = oneSeries(values, 1);
  // The worker of a running optimizer has the model open; nothing of this series is remembered yet.
  const other = {
    data: oneSeries(
      values.map((value) => value / 2),
      1,
    ),
    plan: planBacktest(values.length, HORIZON, 1),
  };
  await runner.evaluate({
    ...job,
    ...other,
    spec: { context_length: 8, num_samples: 1, temperature: 1, seed: SEED },
  });
  return {
    async run(points) {
      const found: number[] = [];
      for (const params of points) {
        found.push((await runner.evaluate({ ...job, data, plan, spec: { ...params, seed: SEED } })).rmse);
      }
      return found;
    },
    end: () => runner.close(),
  };
}

/** The same grid as the seed's pseudo-code reads: one forecast for each window of each config. */
async function naive(values: Float64Array, plan: BacktestPlan): Promise<Search> {
  const model = await openFamily("chronos-bolt", MODEL);
  const errorsOf = async (params: Hyperparameters) => {
    const errors: number[] = [];
    for (const cutoff of plan.cutoffs) {
      const from = Math.max(0, cutoff + 1 - params.context_length);
      const context = Float32Array.from(values.subarray(from, cutoff + 1));
      const spec = { ...params, horizon: plan.horizon, season_length: 1, seed: randomKey(SEED, cutoff) };
      const [forecast] = await model.forecast([context], spec);
      const steps = Math.min(plan.horizon, values.length - 1 - cutoff);
      for (let h = 0; h < steps; h += 1) errors.push(forecast!.mean[h]! - values[cutoff + 1 + h]!);
    }
    return errors;
  };
  return {
    async run(points) {
      const found: number[] = [];
      for (const params of points) found.push(rmse(await errorsOf(params)));
      return found;
    },
    end: () => model.release(),
  };
}

export async function timed(
  search: Search,
  points: readonly Hyperparameters[],
): Promise<{ ms: number; found: number[] }> {
  const startedAt = performance.now();
  const found = await search.run(points);
  const ms = performance.now() - startedAt;
  await search.end();
  return { ms, found };
}

/** The 27-point grid of the seed, with reuse and naively, alternately; medians of five rounds. */
export async function run(): Promise<BenchResult[]> {
  const values = walk();
  const grid = planSearch(SearchSpec.parse({}), [chronosBoltFamily]);
  const points = nextGeneration(grid, []).map((point) => configAt(grid, point).params);
  const plan = planBacktest(values.length, HORIZON, BACKTEST_STEPS, 1);
  const times = { reuse: [] as number[], naive: [] as number[] };
  let sameWinner = true;
  let worst = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const reused = await timed(await withReuse(values, plan), points);
    const repeated = await timed(await naive(values, plan), points);
    times.reuse.push(reused.ms);
    times.naive.push(repeated.ms);
    sameWinner &&= winner(reused.found) === winner(repeated.found);
    for (const [i, each] of reused.found.entries())
      worst = Math.max(worst, Math.abs(each / repeated.found[i]! - 1));
  }
  const reuse = quantile(times.reuse, 0.5);
  const naively = quantile(times.naive, 0.5);
  return [
    { name: "27-point grid, with reuse", value: reuse, unit: "ms" },
    { name: "27-point grid, one window and one config at a time", value: naively, unit: "ms" },
    { name: "naive / reuse", value: naively / reuse, unit: "times", target: ">= 5" },
    { name: "same winner", value: sameWinner ? 1 : 0, unit: "1 is yes", target: "1" },
    { name: "largest relative difference of an RMSE", value: worst, unit: "" },
  ];
}

export function winner(found: readonly number[]): number {
  return found.indexOf(Math.min(...found));
}

if (import.meta.main) console.table(await run());
