/** The seed's grid as the optimizer tries it beside Optuna's grid sampler over the same model in Python's onnxruntime. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hyperparameters } from "../../shared/contracts/live-config.ts";
import { SearchSpec } from "../../shared/contracts/spec.ts";
import { planBacktest } from "../../shared/forecasting/backtest.ts";
import { chronosBoltFamily } from "../../shared/forecasting/chronos-bolt/family.ts";
import { nextGeneration, planSearch } from "../../shared/forecasting/search-plan.ts";
import { configAt } from "../../shared/forecasting/search-space.ts";
import { askPython } from "./peers/python.ts";
import { type BenchResult, quantile } from "./result.ts";
import { BACKTEST_STEPS, HORIZON, MODEL, ROUNDS, timed, walk, winner, withReuse } from "./search.ts";

/** How an objective for Optuna may be written: all windows of a trial in one run of the model, or each in its own. */
const WAYS = [
  { name: "all windows at once", windows: BACKTEST_STEPS },
  { name: "one window at a time", windows: 1 },
] as const;

interface OptunaAnswer {
  readonly versions: string;
  readonly ms: number;
  /** RMSE of each point */
  readonly found: readonly number[];
  /** index of the point that Optuna calls the best */
  readonly winner: number;
}

/**
 * Both sides in turn, models opened beforehand; medians of five rounds. Optuna's side has no reuse between trials. It
 * draws with a seed of its own in each round, so that two of its rounds tell how far draws alone move an RMSE.
 */
export async function run(): Promise<BenchResult[]> {
  const values = walk();
  const plan = planBacktest(values.length, HORIZON, BACKTEST_STEPS, 1);
  const grid = planSearch(SearchSpec.parse({}), [chronosBoltFamily]);
  const points = nextGeneration(grid, []).map((point) => configAt(grid, point).params);
  const work = { model: MODEL, values: [...values], cutoffs: plan.cutoffs, horizon: HORIZON, points };
  const times = { own: [] as number[], optuna: WAYS.map(() => [] as number[]) };
  const studies: OptunaAnswer[] = [];
  let own: readonly number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const search = await withReuse(plan);
    const tried = await timed(search, values, points);
    await search.end();
    times.own.push(tried.ms);
    own = tried.found;
    for (const [way, { windows }] of WAYS.entries()) {
      const asked = await askOptuna({ ...work, windows, seed: round });
      if ("skipped" in asked) {
        console.log(`  Optuna skipped: ${asked.skipped}`);
        return [];
      }
      times.optuna[way]!.push(asked.answer.ms);
      if (way === 0) studies.push(asked.answer);
    }
  }
  const ours = winner(own);
  console.log(`  ${studies[0]!.versions}`);
  console.log(`  winner here: ${described(points[ours]!)}`);
  for (const [round, study] of studies.entries())
    console.log(`  winner of Optuna, seed ${round}: ${described(points[study.winner]!)}`);
  const ms = quantile(times.own, 0.5);
  return [
    { name: "27-point grid, with reuse", value: ms, unit: "ms" },
    ...WAYS.flatMap(({ name }, way) => {
      const optunaMs = quantile(times.optuna[way]!, 0.5);
      return [
        { name: `27-point grid, Optuna, ${name}`, value: optunaMs, unit: "ms" },
        { name: `Optuna, ${name} / reuse`, value: optunaMs / ms, unit: "times" },
      ];
    }),
    {
      name: "winner of Optuna / winner here, both as backtested here, the worst round",
      value: Math.max(...studies.map((study) => own[study.winner]! / own[ours]!)),
      unit: "times the RMSE",
    },
    {
      name: "largest relative difference of an RMSE between Optuna and here",
      value: Math.max(...studies.map(({ found }) => difference(found, own))),
      unit: "",
    },
    {
      name: "largest relative difference of an RMSE between two seeds of Optuna",
      value: Math.max(...studies.slice(1).map(({ found }) => difference(found, studies[0]!.found))),
      unit: "",
    },
  ];
}

async function askOptuna(work: object) {
  const folder = await mkdtemp(join(tmpdir(), "retune-bench-"));
  try {
    const file = join(folder, "work.json");
    await writeFile(file, JSON.stringify(work));
    return await askPython<OptunaAnswer>("optuna_grid.py", [file]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function described({ context_length, num_samples, temperature }: Hyperparameters): string {
  return `context_length ${context_length}, num_samples ${num_samples}, temperature ${temperature}`;
}

function difference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value / b[i]! - 1)));
}

if (import.meta.main) console.table(await run());
