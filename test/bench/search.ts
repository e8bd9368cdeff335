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
  run(values: Float64Array, points: readonly Hyperparameters[]): Promise<number[]>;
  end(): Promise<void>;
}

/** The grid as the optimizer's workers try it: predictions are made in batches, once, and drawn from many times. */
export async function withReuse(plan: BacktestPlan): Promise<Search> {
  const runner = new BacktestRunner();
  const job = { family: "chronos-bolt", artifactPath: MODEL };
  // The worker of a running optimizer has the model open.
  await runner.evaluate({
    ...job,
    data: oneSeries(walk().reverse(), 1),
    plan: planBacktest(POINTS, HORIZON, 1),
    spec: { context_length: 8, num_samples: 1, temperature: 1, seed: SEED },
  });
  return {
    async run(values, points) {
      const data = oneSeries(values, 1);
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
async function naive(plan: BacktestPlan): Promise<Search> {
  const model = await openFamily("chronos-bolt", MODEL);
  const errorsOf = async (values: Float64Array, params: Hyperparameters) => {
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
    async run(values, points) {
      const found: number[] = [];
      for (const params of points) found.push(rmse(await errorsOf(values, params)));
      return found;
    },
    end: () => model.release(),
  };
}

export async function timed(
  search: Search,
  values: Float64Array,
  points: readonly Hyperparameters[],
): Promise<{ ms: number; found: number[] }> {
  const startedAt = performance.now();
  const found = await search.run(values, points);
  return { ms: performance.now() - startedAt, found };
}

/**
 * The 27-point grid of the seed, with reuse and naively, alternately: the first search of either side's process, when
 * V8 has compiled nothing yet, and the median of five later ones. Each is of another series, so nothing of it is known.
 */
export async function run(): Promise<BenchResult[]> {
  const values = walk();
  const grid = planSearch(SearchSpec.parse({}), [chronosBoltFamily]);
  const points = nextGeneration(grid, []).map((point) => configAt(grid, point).params);
  const plan = planBacktest(values.length, HORIZON, BACKTEST_STEPS, 1);
  const sides = { reuse: await withReuse(plan), naive: await naive(plan) };
  const times = { reuse: [] as number[], naive: [] as number[] };
  let sameWinner = true;
  let worst = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const series = values.map((value) => value * (1 + round));
    const reused = await timed(sides.reuse, series, points);
    const repeated = await timed(sides.naive, series, points);
    times.reuse.push(reused.ms);
    times.naive.push(repeated.ms);
    sameWinner &&= winner(reused.found) === winner(repeated.found);
    for (const [i, each] of reused.found.entries())
      worst = Math.max(worst, Math.abs(each / repeated.found[i]! - 1));
  }
  await Promise.all([sides.reuse.end(), sides.naive.end()]);
  const lines = (which: string, reuse: number, naively: number) => [
    { name: `27-point grid, ${which}, with reuse`, value: reuse, unit: "ms" },
    { name: `the same, one window and one config at a time`, value: naively, unit: "ms" },
    { name: `naive / reuse, ${which}`, value: naively / reuse, unit: "times", target: ">= 5" },
  ];
  const later = (side: readonly number[]) => quantile(side.slice(1), 0.5);
  return [
    ...lines("first search of a process", times.reuse[0]!, times.naive[0]!),
    ...lines("later ones", later(times.reuse), later(times.naive)),
    { name: "same winner", value: sameWinner ? 1 : 0, unit: "1 is yes", target: "1" },
    { name: "largest relative difference of an RMSE", value: worst, unit: "" },
  ];
}

export function winner(found: readonly number[]): number {
  return found.indexOf(Math.min(...found));
}

if (import.meta.main) console.table(await run());
