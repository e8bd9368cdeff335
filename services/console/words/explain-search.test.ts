import { describe, expect, it } from "vitest";
import type { Searched } from "../../../shared/contracts/optimizer.ts";
import { candidate, metrics, trial } from "../testing/samples.ts";
import { ranked, searchedLines } from "./explain-search.ts";

const plain: Searched = {
  ...{ run_id: "01890000-0000-7000-8000-000000000001", forecaster: "f", caused_by: [1] },
  ...{ evidence: { code_version: "test" }, candidate, metrics: metrics(0.008), trials: [trial(0, 0.008)] },
  ...{ sampler: "grid", fell_back: false, search_iterations: 1, optimization_time_seconds: 4 },
  ...{ dataset: `sha256-${"0".repeat(64)}`, baselines: {} },
};

const split: Searched["split"] = {
  ...{ points: 900, train_end: 840, search_end: 870, holdout_steps: 30 },
  train_to: "2025-01-01T00:00:00.000Z",
  search_from: "2025-01-02T00:00:00.000Z",
  search_to: "2025-01-31T00:00:00.000Z",
};

describe("a search in words", () => {
  it.each<[string, Partial<Searched>, string]>([
    ["a sampler that learns", { sampler: "gp" }, "Gaussian-process search, 1 trial in 4 s."],
    ["a refit", { action: "refit" }, "The live configuration on newer data, 1 trial in 4 s."],
    [
      "what it never saw",
      { split },
      "It looked at forecasts from 2025-01-02 to 2025-01-31; the 30 steps after that it never saw.",
    ],
    [
      "what was known",
      { losses: { reused: 690, evaluated: 120 } },
      "690 forecast windows of 810 were known from earlier runs.",
    ],
    [
      "what a limit cut",
      { cut: { phase: "search", generation: 2, because: "time limit", done: 1, planned: 4 } },
      "Generation 2 was cut after 1 of 4 trials: time limit.",
    ],
    [
      "what a model was trained on, and of how many rounds (D-TRN-1)",
      { training: { duration_ms: 9, rows: 500, rounds: { total: 44, added: 4 } } },
      "Its model was fitted to 500 rows, 4 rounds of 44 in all.",
    ],
    [
      "what members weigh, and which foundation model weighs too much or too little (E-ENS-1)",
      {
        training: {
          duration_ms: 9,
          rows: 5,
          metrics: { loss: 1, "weight.ets": 0.09, "weight.chronos-bolt": 0.91 },
        },
      },
      "Its members' weights: chronos-bolt 91 %, ets 9 %; chronos-bolt lies outside 10 to 40 %, look whether that is right.",
    ],
    [
      "no flag where it weighs what it should",
      { training: { duration_ms: 9, rows: 5, metrics: { "weight.ets": 0.75, "weight.chronos-bolt": 0.25 } } },
      "Its members' weights: ets 75 %, chronos-bolt 25 %.",
    ],
    ["how it was made to fit", { adapted: ["'depth' goes without 12"] }, "'depth' goes without 12."],
    [
      "who was given up on",
      { trials: [trial(0, 0.008), { ...trial(1, 0.007), pruned: true }] },
      "1 trial did not see every window, being beaten before, or cut short.",
    ],
  ])("says %s", (_, over, expected) => {
    expect(searchedLines({ ...plain, ...over })).toContain(expected);
  });

  it("ranks what saw every window before what did not, by the value that was minimised", () => {
    const [slow, pruned] = [
      { ...trial(0, 0.007), value: 0.02 },
      { ...trial(1, 0.001), pruned: true },
    ];
    const order = ranked([slow, pruned, trial(2, null), trial(3, 0.008)]).map(({ number }) => number);
    expect(order).toEqual([3, 0, 2, 1]);
  });
});
