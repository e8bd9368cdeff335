import { describe, expect, it } from "vitest";
import type { TrialResult } from "../../shared/contracts/optimizer.ts";
import { planFallback } from "../../shared/forecasting/search-plan.ts";
import { decide } from "./decide.ts";
import { type PlannedTask, plannedTrials, type Study, taskKey, taskOf } from "./state.ts";
import { START_MS, studyOf } from "./study.fixture.ts";

const SECOND = 1_000;

const study = studyOf(
  { backtest: "8d" },
  { backtest_steps: 8, split: { points: 100, train_end: 84, search_end: 92, holdout_steps: 8 } },
);
const FALLBACK_START = START_MS + 60 * SECOND;

function fallen(results: readonly TrialResult[]): Study {
  const points = planFallback(
    study.plan,
    study.search.fallback.trials,
    results.map(({ number }) => plannedTrials(study)[number]!.point),
  );
  const cut = { generation: 0, done: results.length, planned: 4 };
  return { ...study, fallback: { because: "time limit", points, cut, started_at_ms: FALLBACK_START } };
}

function result(
  number: number,
  rmse: number | null,
  over: Partial<TrialResult> = {},
  of: Study = study,
): TrialResult {
  const { phase, params } = plannedTrials(of).find((each) => each.number === number)!;
  const metrics = { mape: 1, mae: 1, mase: 1, error_std: 1, mean_error: 0, coverage: 1, n: 1, windows: 1 };
  return {
    ...{ number, phase, params, rmse, duration_ms: 1, worker: "w" },
    metrics: rmse === null ? null : { rmse, ...metrics },
    ...(rmse === null ? { error: "broken" } : {}),
    ...over,
  };
}

function after(of: Study, results: readonly TrialResult[], nowMs: number) {
  return decide(of, new Map(results.map((each) => [taskKey(each), each])), nowMs);
}

function numbersOf(tasks: readonly PlannedTask[]): number[] {
  return tasks.map(({ trial }) => trial.number);
}

describe("a search", () => {
  it("waits for what is missing, until the time limit", () => {
    const decision = after(study, [result(1, 2)], START_MS);
    expect(decision).toMatchObject({ kind: "wait", untilMs: START_MS + 60 * SECOND });
    expect(decision.kind === "wait" && numbersOf(decision.missing)).toEqual([0, 2, 3]);
  });

  it("ends with the least RMSE once every trial has a result, failed ones included (A-OPT-1, A-OPT-2)", () => {
    const results = [result(0, 3), result(1, 2), result(2, null), result(3, 2.5)];
    expect(after(study, results, START_MS)).toMatchObject({ kind: "searched", winner: { number: 1 } });
  });

  it("fails with the causes when every trial failed (A-OPT-2)", () => {
    const results = [0, 1, 2, 3].map((number) => result(number, null));
    expect(after(study, results, START_MS)).toEqual({
      kind: "failed",
      cause: "all 4 trials failed: broken (4 trials)",
    });
  });

  it("falls back when its time is over, not a moment before (A-OPT-3)", () => {
    expect(after(study, [result(0, 3)], START_MS + 60 * SECOND - 1).kind).toBe("wait");
    expect(after(study, [result(0, 3)], START_MS + 60 * SECOND)).toEqual({
      kind: "fall-back",
      because: "time limit: 1 of 4 trials were done after 60s",
    });
  });

  it("ends, however late, when nothing is missing", () => {
    const results = [0, 1, 2, 3].map((number) => result(number, number + 1));
    expect(after(study, results, START_MS + 999 * SECOND)).toMatchObject({
      kind: "searched",
      winner: { number: 0 },
    });
  });

  it.each([
    ["with trials missing", [result(3, null, { out_of_memory: true })]],
    [
      "as the last of all",
      [result(0, 1), result(1, 2), result(2, 3), result(3, null, { out_of_memory: true })],
    ],
  ])("falls back at once when memory ran out, %s (A-OPT-4)", (_, results) => {
    const because = "trial 3 ran out of its memory of 768 MB";
    expect(after(study, results, START_MS)).toEqual({ kind: "fall-back", because });
  });
});

describe("a refit", () => {
  const refit: Study = { ...study, action: "refit", generations: [study.generations[0]!.slice(0, 1)] };
  const lone = { ...refit, plan: { ...refit.plan, size: 1, generation: 1 } };

  it("has no other trial to fall back to when its time is over, or its memory", () => {
    expect(after(lone, [], START_MS + 60 * SECOND)).toEqual({
      kind: "failed",
      cause: "gave up the refit, the champion stays: time limit: 0 of 1 trials were done after 60s",
    });
    expect(after(lone, [result(0, null, { out_of_memory: true })], START_MS)).toEqual({
      kind: "failed",
      cause: "gave up the refit, the champion stays: trial 0 ran out of its memory of 768 MB",
    });
  });
});

describe("a search that fell back", () => {
  it("waits for its own trials, those of the first search do not count any more", () => {
    const decision = after(fallen([]), [], FALLBACK_START);
    expect(decision).toMatchObject({ kind: "wait", untilMs: FALLBACK_START + 30 * SECOND });
    const missing = decision.kind === "wait" ? decision.missing : [];
    expect(
      missing.map(({ trial: { number, phase, params } }) => [
        ...[number, phase, params.context_length, params.num_samples],
      ]),
    ).toEqual([[4, "fallback", 30, 10]]);
  });

  it("chooses among the results of both searches", () => {
    const early = [result(1, 2), result(2, 9)];
    const now = fallen(early);
    expect(after(now, [...early, result(4, 3, {}, now)], FALLBACK_START)).toMatchObject({
      winner: { number: 1 },
    });
    expect(after(now, [...early, result(4, 1, {}, now)], FALLBACK_START)).toMatchObject({
      winner: { number: 4 },
    });
  });

  it("ends at once where all cheap points had been tried", () => {
    const early = [result(0, 2), result(3, null, { out_of_memory: true })];
    expect(after(fallen(early), early, FALLBACK_START)).toMatchObject({
      kind: "searched",
      winner: { number: 0 },
    });
  });

  it("gives up when its own time is over, too (A-OPT-3)", () => {
    const decision = after(fallen([]), [], FALLBACK_START + 30 * SECOND);
    expect(decision.kind === "failed" && decision.cause).toBe(
      "gave up, the champion stays: first search ended (time limit), then in the smaller one 0 of 1 trials were done after 30s",
    );
  });
});

describe("taskOf", () => {
  it("carries all a worker needs, and nothing of the hold-out", () => {
    const decision = after(study, [], START_MS);
    const task = taskOf(study, decision.kind === "wait" ? decision.missing[2]! : expect.fail("it waits"));
    expect(task).toEqual({
      ...{ run_id: study.run_id, forecaster: "f", number: 2, rung: 0, phase: "search" },
      ...{
        model: "chronos-bolt",
        artifact: null,
        training: "full",
        parent: null,
        pretrained: null,
        keep_artifact: false,
      },
      params: { context_length: 60, num_samples: 10, temperature: 1 },
      ...{ dataset: study.dataset, fleet: false, grid: study.grid, horizon: 5, season_length: 1 },
      ...{ cutoffs: [83, 84, 85, 86, 87, 88, 89, 90], score_end: 92, train_end: 84 },
      ...{ objective: "rmse", seed: 1, memory_limit_mb: 768, attempts: 3 },
    });
  });
});
