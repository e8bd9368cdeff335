import type { TrialResult, WindowSums } from "../../shared/contracts/optimizer.ts";
import { SearchSpec } from "../../shared/contracts/spec.ts";
import { chronosBoltFamily } from "../../shared/forecasting/chronos-bolt/family.ts";
import { uniform } from "../../shared/forecasting/random.ts";
import { nextGeneration, planSearch } from "../../shared/forecasting/search-plan.ts";
import { addSums, measuresOf, NO_SUMS } from "../../shared/forecasting/window-sums.ts";
import { type Decision, decide } from "./decide.ts";
import { type KnownWindows, NOTHING_KNOWN, standingOf } from "./standing.ts";
import { type PlannedTask, type PlannedTrial, type Study, taskKey } from "./state.ts";
import { rowsOf } from "./table.ts";

export const START_MS = 1_000_000;

/** A study of 100 days, of which the last 8 are held out and the 24 before them searched. */
export function studyOf(over: object = {}, more: Partial<Study> = {}): Study {
  const search = SearchSpec.parse({
    space: { context_length: [30, 60], num_samples: [10, 20], temperature: [1] },
    ...{ backtest: "24d", holdout: "8d", time_limit: "60s", fallback: { trials: 4, time_limit: "30s" } },
    ...over,
  });
  const plan = planSearch(search, [chronosBoltFamily]);
  return {
    ...{ run_id: "01890000-0000-7000-8000-000000000001", forecaster: "f", accepted_sequence: 3 },
    ...{ action: "search", started_at_ms: START_MS, spec_revision: 1, search, plan },
    ...{ artifacts: {}, trained: [], training: "full", parent: null, pretrained: null },
    ...{ dataset: `sha256-${"0".repeat(64)}`, fleet: false, grid: { step_ms: 86_400_000, calendar: "all" } },
    data: {
      ...{ rows: 100, points: 100, last_sequence: 9 },
      ...{ from: "2024-01-01T00:00:00Z", to: "2024-04-09T00:00:00Z" },
    },
    split: { points: 100, train_end: 68, search_end: 92, holdout_steps: 8 },
    ...{ horizon: 5, season_length: 1, backtest_steps: 24, naive_scale: 1, losses: null, adapted: [] },
    ...{ generations: [nextGeneration(plan, [])], fallback: null, final: null },
    ...more,
  };
}

/** What a config comes to on one window: better near a context of 100 and a temperature of 1, some windows harder. */
export function windowOf({ params }: PlannedTrial, cutoff: number): { loss: number; sums: WindowSums } {
  const distance = Math.abs(Math.log(params.context_length / 100)) + Math.abs(params.temperature - 1);
  const noise = uniform(
    7,
    cutoff,
    params.context_length,
    Math.round(1e6 * params.temperature),
    params.num_samples,
  );
  const error = (1 + distance) * (1 + 2 * uniform(3, cutoff)) + 0.3 * noise;
  const sums = {
    ...NO_SUMS,
    n: 1,
    error,
    absolute: error,
    squared: error ** 2,
    inside: 1,
    quantile: error,
    actual: 10,
  };
  return { loss: error ** 2, sums };
}

/** The result that a worker would commit. */
export function resultOf({ trial, rung, cutoffs }: PlannedTask, worker = "w"): TrialResult {
  const { number, phase, model, params } = trial;
  const row = { number, rung, phase, model, params, worker, duration_ms: 1 };
  if (cutoffs.length === 0)
    return { ...row, rmse: null, metrics: null, artifact: `sha256-${"f".repeat(64)}` };
  const windows = cutoffs.map((cutoff) => windowOf(trial, cutoff));
  const measures = measuresOf(windows.reduce((sum, { sums }) => addSums(sum, sums), NO_SUMS));
  return {
    ...{ ...row, objective: measures.rmse, rmse: measures.rmse },
    metrics: { ...measures, mase: measures.mae, windows: windows.length },
    losses: windows.map(({ loss }) => loss),
    sums: windows.map(({ sums }) => sums),
  };
}

/**
 * Leads a study to its end as the coordinator does, with workers that take tasks in any order and leaders that forget
 * all but the study and the committed results between any two steps.
 *
 * @param pick index of the next task to be done, of so many
 */
export function wholeSearch(
  begun: Study,
  pick: (open: number, turn: number) => number,
  known: KnownWindows = NOTHING_KNOWN,
) {
  let study = structuredClone(begun);
  const results = new Map<string, TrialResult>();
  let tasks = 0;
  for (let turn = 0; ; turn += 1) {
    const decision: Decision = decide(study, results, START_MS, known);
    if (decision.kind === "wait") {
      const task = decision.missing[pick(decision.missing.length, turn)]!;
      const result = resultOf(task, `worker ${turn}`);
      results.set(taskKey(result), JSON.parse(JSON.stringify(result)));
      tasks += 1;
    } else if (decision.kind === "plan") {
      study = JSON.parse(JSON.stringify({ ...study, generations: [...study.generations, decision.points] }));
    } else if (decision.kind === "train") {
      const { number } = decision.winner;
      study = { ...study, final: { number, started_at_ms: START_MS } };
    } else {
      const standing = standingOf(study, results, known);
      const table = rowsOf(study, standing).map(({ worker: _, ...row }) => row);
      return { decision, table, tasks, study, results, standing };
    }
  }
}
