import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planFallback } from "../../shared/forecasting/search-plan.ts";
import { decide } from "./decide.ts";
import { standingOf, windowPlan } from "./standing.ts";
import { type PlannedTask, plannedTrials, type Study, taskKey, taskOf } from "./state.ts";
import { resultOf, START_MS, studyOf, wholeSearch, windowOf } from "./study.fixture.ts";
import { rowsOf } from "./table.ts";

const inOrder = () => 0;
const wide = {
  context_length: { min: 8, max: 400, log: true },
  num_samples: [10],
  temperature: { min: 0.5, max: 2 },
};

describe("a search that many workers share (A-OPT-7)", () => {
  it.each([
    ["grid", "none"],
    ["grid", "race"],
    ["grid", "halving"],
    ["random", "race"],
    ["tpe", "race"],
    ["tpe", "halving"],
    ["gp", "none"],
  ])("%s with pruning %s has one trial table, in whatever order results are committed", (sampler, prune) => {
    const study = studyOf({ sampler, prune, trials: 11, ...(sampler === "grid" ? {} : { space: wide }) });
    const { table, decision } = wholeSearch(study, inOrder);
    expect(decision.kind).toBe("searched");
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
        const other = wholeSearch(study, (open) => numbers.next().value % open);
        expect(other.table).toEqual(table);
        expect(other.decision).toMatchObject({
          winner: { number: (decision as { winner: { number: number } }).winner.number },
        });
      }),
      { numRuns: sampler === "gp" ? 3 : 10 },
    );
  });

  it("plans the next generation only once every trial of the one before has all its rungs", () => {
    const study = studyOf({ sampler: "tpe", trials: 8, space: wide, prune: "race" });
    const first = decide(study, new Map(), START_MS);
    expect(first.kind === "wait" && first.missing.map(({ trial, rung }) => [trial.number, rung])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    const tasks = first.kind === "wait" ? first.missing : [];
    const three = new Map(
      tasks.slice(0, 3).map((task) => [taskKey({ number: task.trial.number }), resultOf(task)]),
    );
    expect(decide(study, three, START_MS)).toMatchObject({
      kind: "wait",
      missing: [{ trial: { number: 3 }, rung: 0 }],
    });
  });
});

describe("pruning", () => {
  it("evaluates each window of a trial once, the same first ones for all, and finds the winner with less work", () => {
    const study = studyOf({ sampler: "random", trials: 24, space: wide });
    const full = wholeSearch(study, inOrder);
    const raced = wholeSearch({ ...study, search: { ...study.search, prune: "race" } }, inOrder);
    const windows = (found: typeof full) =>
      found.table.reduce((sum, { metrics }) => sum + (metrics?.windows ?? 0), 0);
    expect(raced.decision).toMatchObject({
      winner: { number: (full.decision as { winner: { number: number } }).winner.number },
    });
    expect(windows(full)).toBe(24 * 24);
    expect(windows(raced)).toBeLessThan(windows(full) / 2);
    const seen = raced.standing.flatMap(({ trials }) =>
      trials.map(({ evaluated }) => evaluated.map(({ cutoff }) => cutoff)),
    );
    const order = windowPlan(raced.study).cutoffs;
    for (const cutoffs of seen) expect(cutoffs).toEqual(order.slice(0, cutoffs.length));
    const best = full.table.find(
      ({ number }) => number === (full.decision as { winner: { number: number } }).winner.number,
    );
    const same = raced.table.find(({ number }) => number === best!.number);
    expect(same!.rmse).toBeCloseTo(best!.rmse!, 12);
    expect(same!.metrics!.mase).toBeCloseTo(best!.metrics!.mase!, 12);
  });

  it("says of a pruned trial why, and never lets it win", () => {
    const { table, decision } = wholeSearch(
      studyOf({ sampler: "random", trials: 24, space: wide, prune: "race" }),
      inOrder,
    );
    const pruned = table.filter((each) => each.pruned);
    expect(pruned.length).toBeGreaterThan(5);
    expect(pruned[0]?.pruned_because).toMatch(/^worse than trial \d+ on \d+ windows/);
    expect(decision.kind === "searched" && decision.winner.pruned).toBeUndefined();
  });
});

describe("costs (A-OPT-8)", () => {
  it("count as much as the spec says: a slower trial has to be better", () => {
    const wins = (weights: object) => {
      const study = studyOf({ weights });
      const results = new Map();
      const decision = decide(study, results, START_MS);
      for (const task of decision.kind === "wait" ? decision.missing : []) {
        const { number, params } = task.trial;
        results.set(taskKey({ number }), {
          ...resultOf(task),
          inference_ms: params.context_length === 60 ? 100 : 1,
        });
      }
      const end = decide(study, results, START_MS);
      return end.kind === "searched" ? end.winner.params.context_length : end;
    };
    expect(wins({})).toBe(60);
    expect(wins({ memory: 1 })).toBe(60);
    expect(wins({ inference_time: 1 })).toBe(30);
  });
});

describe("losses known from earlier runs", () => {
  const study = studyOf({ prune: "race" });
  const fresh = wholeSearch(study, inOrder);

  it("take the place of work, and change nothing else", () => {
    const known = wholeSearch(study, inOrder, (trial, cutoff) =>
      cutoff < 80 ? windowOf(trial, cutoff) : undefined,
    );
    const strip = ({ table }: typeof fresh) =>
      table.map(({ reused: _, duration_ms: __, ...row }) => ({
        ...row,
        rmse: row.rmse!.toFixed(9),
        objective: 0,
        value: 0,
        metrics: 0,
      }));
    expect(strip(known)).toEqual(strip(fresh));
    expect(known.table.reduce((sum, each) => sum + (each.reused ?? 0), 0)).toBeGreaterThan(10);
  });

  it("need no task at all where everything is known", () => {
    const known = wholeSearch(study, inOrder, windowOf);
    expect(known.tasks).toBe(0);
    expect(known.decision).toMatchObject({ kind: "searched" });
    expect(known.table.map(({ rmse }) => rmse!.toFixed(9))).toEqual(
      fresh.table.map(({ rmse }) => rmse!.toFixed(9)),
    );
  });
});

describe("a family that is trained (A-TRN, C-TRN-1)", () => {
  const trained: Study = studyOf({ prune: "race" }, { trained: ["chronos-bolt"] });

  it("has its winner trained once more on all that the search may see, and that bundle is the candidate's", () => {
    const { decision, results, study } = wholeSearch(trained, inOrder);
    expect(decision).toMatchObject({ kind: "searched", artifact: `sha256-${"f".repeat(64)}` });
    const last = windowPlan(study).rungs.length;
    const { number } = study.final!;
    expect([...results.keys()].at(-1)).toBe(taskKey({ number, rung: last }));
    const planned: PlannedTask = {
      trial: plannedTrials(study)[number]!,
      rung: last,
      cutoffs: [],
      isLastRung: true,
    };
    expect(taskOf(study, planned)).toMatchObject({
      ...{ phase: "final", cutoffs: [], train_end: 92, score_end: 92, keep_artifact: true, artifact: null },
    });
  });

  it("trains a trial in its first rung, and opens that bundle in the others", () => {
    const decision = decide(trained, new Map(), START_MS);
    const [task] = decision.kind === "wait" ? decision.missing : [];
    expect(taskOf(trained, task!)).toMatchObject({ train_end: 68, keep_artifact: true, artifact: null });
    const artifact = `sha256-${"a".repeat(64)}`;
    const results = new Map(
      (decision.kind === "wait" ? decision.missing : []).map((each) => [
        taskKey({ number: each.trial.number }),
        { ...resultOf(each), artifact },
      ]),
    );
    const next = decide(trained, results, START_MS);
    expect(next.kind === "wait" && taskOf(trained, next.missing[0]!)).toMatchObject({ rung: 1, artifact });
  });

  it("fails, and the champion stays, when the winner cannot be trained", () => {
    const { study, results } = wholeSearch(trained, inOrder);
    const key = taskKey({ number: study.final!.number, rung: windowPlan(study).rungs.length });
    const { artifact: _, ...without } = results.get(key)!;
    results.set(key, { ...without, error: "one class only" });
    expect(decide(study, results, START_MS)).toMatchObject({
      kind: "failed",
      cause: expect.stringMatching(
        /^trial \d+ was the best, but could not be trained on the whole history: one class only$/,
      ),
    });
  });
});

describe("a search that is cut short (A-OPT-3)", () => {
  it("keeps in its table what the trials of the cut generation had come to, as pruned", () => {
    const study = studyOf({ sampler: "tpe", trials: 12, space: wide, prune: "race" });
    const results = new Map();
    const decision = decide(study, results, START_MS);
    for (const task of decision.kind === "wait" ? decision.missing.slice(0, 2) : [])
      results.set(taskKey({ number: task.trial.number }), resultOf(task));
    expect(decide(study, results, START_MS + 60_000)).toEqual({
      kind: "fall-back",
      because: "time limit: 0 of 12 trials were done after 60s",
    });
    const points = planFallback(study.plan, 4, []);
    const cut = { generation: 0, done: 0, planned: 4 };
    const fallen: Study = {
      ...study,
      fallback: { because: "time limit", points, cut, started_at_ms: START_MS },
    };
    expect(rowsOf(fallen, standingOf(fallen, results)).map(({ number, pruned }) => [number, pruned])).toEqual(
      [
        [0, true],
        [1, true],
      ],
    );
    expect(
      plannedTrials(fallen)
        .filter(({ phase }) => phase === "fallback")
        .map(({ number }) => number),
    ).toEqual([12, 13, 14, 15]);
  });
});
