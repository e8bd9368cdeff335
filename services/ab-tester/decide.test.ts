import { describe, expect, it } from "vitest";
import { modelVersion } from "../../shared/contracts/live-config.ts";
import type { Score } from "../../shared/contracts/telemetry.ts";
import { comparisonOf, decide } from "./decide.ts";
import { newTest, type TestState } from "./state.ts";

const config = (version: number) => ({
  forecaster: "f",
  horizon: "1d",
  context_length: 90,
  num_samples: 50,
  temperature: 1,
  model: "last-value" as const,
  artifact: null,
  version,
  run_id: "01975ed6-1b6e-7b3a-8c5d-000000000000",
  validation_rmse: null,
  validation_mape: null,
  validation_mae: null,
  search_iterations: 0,
  optimization_time_seconds: 0,
  timestamp: "2025-01-01T00:00:00Z",
});

const START = Date.parse("2025-01-01T00:00:00Z");
const DAY_MS = 86_400_000;

function test(minScores = 4): TestState {
  return newTest({
    test: "t",
    forecaster: "f",
    challenger_config: config(2),
    champion: { value: config(1), revision: 7 },
    startedAtMs: START,
    durationMs: 7 * DAY_MS,
    min_scores: minScores,
    caused_by: [],
    sequence: 10,
  });
}

/** A score of the forecast for day `n`. */
function scored(
  variant: "champion" | "challenger",
  n: number,
  error: number,
  over: Partial<Score> = {},
): Score {
  return {
    issued_at: new Date(START + n * DAY_MS).toISOString(),
    target_ts: new Date(START + (n + 1) * DAY_MS).toISOString(),
    step: 1,
    error,
    abs_pct_error: null,
    in_interval: Math.abs(error) < 2,
    model_version: modelVersion(config(variant === "champion" ? 1 : 2), variant),
    ...(variant === "champion" ? {} : { variant }),
    ...over,
  };
}

/** Folds one message per element in, from sequence 11 on. */
function after(messages: readonly Score[][], state = test()) {
  let decision = decide(state, { kind: "time", atMs: START });
  messages.forEach((records, i) => {
    decision = decide(decision.state, { kind: "scores", sequence: 11 + i, records });
  });
  return decision;
}

const pair = (n: number, champion: number, challenger: number) => [
  scored("champion", n, champion),
  scored("challenger", n, challenger),
];

describe("a shadow test (A-FUT-1)", () => {
  for (const [fact, errors, outcome] of [
    [
      "promotes a challenger with the lower RMSE",
      [
        [3, 2],
        [-3, 2],
        [3, -2],
        [3, 2],
      ],
      "promote",
    ],
    [
      "keeps the champion where the challenger is worse",
      [
        [1, 2],
        [1, 2],
        [1, 2],
        [1, 2],
      ],
      "keep-champion",
    ],
    [
      "keeps the champion where they are equal",
      [
        [2, -2],
        [2, 2],
        [2, 2],
        [-2, 2],
      ],
      "keep-champion",
    ],
    [
      "looks at RMSE, so one big miss outweighs small gains",
      [
        [2, 1],
        [2, 1],
        [2, 1],
        [2, 9],
      ],
      "keep-champion",
    ],
    [
      "keeps a champion without any error",
      [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 1],
      ],
      "keep-champion",
    ],
  ] as const) {
    it(fact, () => {
      const { verdict } = after(errors.map(([champion, challenger], n) => pair(n, champion, challenger)));
      expect(verdict?.outcome).toBe(outcome);
    });
  }

  it("counts only targets that both were scored for, whichever came first", () => {
    const { state } = after([
      [scored("champion", 0, 1), scored("champion", 1, 1)],
      [scored("challenger", 1, 2)],
      [scored("challenger", 2, 2)],
      [scored("champion", 2, 3)],
    ]);
    expect(comparisonOf(state.tally)).toEqual({
      pairs: 2,
      champion_rmse: Math.sqrt(5),
      challenger_rmse: 2,
      champion_coverage: 0.5,
      challenger_coverage: 0,
      improvement: 1 - 2 / Math.sqrt(5),
    });
  });

  for (const [fact, records] of [
    [
      "of an incident",
      [scored("champion", 0, 1, { in_incident: true }), scored("challenger", 0, 1, { in_incident: true })],
    ],
    [
      "of another model version",
      [scored("champion", 0, 1, { model_version: "v0" }), scored("challenger", 0, 1)],
    ],
    [
      "of another entity",
      [scored("champion", 0, 1, { entity: "a" }), scored("challenger", 0, 1, { entity: "b" })],
    ],
    ["of another target", [scored("champion", 0, 1), scored("challenger", 1, 1)]],
    ["of one side twice", [scored("challenger", 0, 1), scored("challenger", 0, 1)]],
  ] as const) {
    it(`makes no pair of scores ${fact}`, () => expect(after([[...records]]).state.tally.pairs).toBe(0));
  }

  it("ignores a redelivered message", () => {
    const { state } = after([pair(0, 1, 1)]);
    expect(decide(state, { kind: "scores", sequence: 11, records: pair(1, 1, 1) }).state).toBe(state);
  });

  it("ends at its time, insufficient with too few pairs", () => {
    const { state } = after([pair(0, 3, 1)]);
    expect(decide(state, { kind: "time", atMs: START + 7 * DAY_MS - 1 }).verdict).toBeUndefined();
    expect(decide(state, { kind: "time", atMs: START + 7 * DAY_MS }).verdict).toEqual({
      outcome: "insufficient",
      reasons: ["shadow comparison: 1 of 4 pairs of scores came in time"],
    });
  });

  it("is worth telling at each quarter of the pairs", () => {
    let state = test(8);
    const told = [1, 2, 3, 4, 5].map((n) => {
      const decision = decide(state, { kind: "scores", sequence: 10 + n, records: pair(n, 1, 1) });
      state = decision.state;
      return decision.measured;
    });
    expect(told).toEqual([false, true, false, true, false]);
  });

  it("gives up the oldest scores that wait, so that its state stays small", () => {
    const { state } = after([Array.from({ length: 5_000 }, (_, n) => scored("champion", n, 1))]);
    expect(Object.keys(state.tally.waiting)).toHaveLength(2_000);
    expect(
      decide(state, { kind: "scores", sequence: 99, records: [scored("challenger", 4_999, 1)] }).state.tally
        .pairs,
    ).toBe(1);
  });

  it("pairs the scores of a fleet entity by entity, however many messages they fill", () => {
    const sides = (["champion", "challenger"] as const).map((variant) =>
      Array.from({ length: 1_000 }, (_, i) =>
        scored(variant, 0, variant === "champion" ? i : 0, { entity: `e${i}` }),
      ),
    );
    const { state } = after(sides, test(2_000));
    expect(state.tally).toMatchObject({ pairs: 1_000, waiting: {}, challenger: { squares: 0 } });
    expect(comparisonOf(state.tally).champion_rmse).toBeCloseTo(Math.sqrt((999 * 1_999) / 6), 6);
  });

  it("decides nothing once it has ended", () => {
    const ended: TestState = { ...test(), status: "stopped" };
    expect(decide(ended, { kind: "time", atMs: Number.MAX_SAFE_INTEGER }).verdict).toBeUndefined();
  });
});
