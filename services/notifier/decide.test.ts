import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import type { Step } from "../../shared/contracts/subjects.ts";
import { ROOT } from "../../shared/service.ts";
import { decide, type NotifierEvent } from "./decide.ts";
import { loadRules } from "./rules.ts";
import { initialState, NotifierState } from "./state.ts";

const rules = (await loadRules(join(ROOT, "configs")))!;
const RUN = "01946008-4d40-7000-8000-000000000001";
const OTHER = "01946008-4d40-7000-8000-000000000002";
const MINUTE = 1 / 1_440; // of a day
const DAY0 = Date.parse("2025-01-01T00:00:00Z");

/** A step on a day, or a tick of the clock. */
type Told = [Step | "tick", object?, number?];

function event([step, data = {}, day = 0]: Told, index: number): NotifierEvent {
  const time = new Date(DAY0 + day * 86_400_000).toISOString();
  if (step === "tick") return { kind: "tick", at: time };
  const about: StepData = {
    run_id: RUN,
    forecaster: "usdclp-7d",
    caused_by: [],
    evidence: { code_version: "test" },
    ...data,
  };
  const cloudEvent: CloudEvent<StepData> = {
    specversion: "1.0",
    id: RUN,
    source: "test",
    type: "test",
    subject: "usdclp-7d",
    time,
    data: about,
  };
  return { kind: "step", step, sequence: index + 1, event: cloudEvent };
}

/** What is raised (+) and cleared (-), in order. */
function alerts(story: readonly Told[]): string[] {
  let state = initialState("usdclp-7d");
  return story.flatMap((told, index) => {
    const decision = decide(state, event(told, index), rules);
    state = decision.state;
    return decision.changes.map(({ verb, rule }) => `${verb === "raised" ? "+" : "-"}${rule.rule}`);
  });
}

const slow = { optimization_time_seconds: 901 };
const quick = { optimization_time_seconds: 120 };

describe("the rules that ship (A-ALR-1, A-DEP-4)", () => {
  it.each<[string, Told[], string[]]>([
    ["two rejections in a row are no alert", [["rejected"], ["rejected"]], []],
    [
      "the third one is, and the fourth is no new one",
      [["rejected"], ["rejected"], ["rejected"], ["rejected"]],
      ["+validation-failing"],
    ],
    [
      "a backtest that fails counts as one",
      [["rejected"], ["failed", { stage: "validation" }], ["rejected"]],
      ["+validation-failing"],
    ],
    [
      "an approval ends the row and the alert",
      [["rejected"], ["rejected"], ["approved"], ["rejected"], ["rejected"], ["rejected"], ["approved"]],
      ["+validation-failing", "-validation-failing"],
    ],
    ["a deployment is told", [["deployed"]], ["+deployed"]],
    [
      "a failed deployment is an alert until the next one succeeds",
      [["failed", { stage: "deployment" }], ["deployed"], ["deployed"]],
      ["+deployment-failed", "-deployment-failed", "+deployed", "+deployed"],
    ],
    [
      "a failed search is an alert until one ends with a config",
      [
        ["failed", { stage: "search" }],
        ["searched", quick],
      ],
      ["+search-failed", "-search-failed"],
    ],
    [
      "a search that fails 16 min after its run was accepted is a slow one, until a quick one ends with a config",
      [
        ["accepted", {}, 0],
        ["failed", { stage: "search" }, 16 * MINUTE],
        ["accepted", { run_id: OTHER }, 1],
        ["failed", { run_id: OTHER, stage: "search" }, 1 + MINUTE],
        ["searched", quick, 2],
      ],
      ["+search-failed", "+slow-optimization", "+search-failed", "-search-failed", "-slow-optimization"],
    ],
    [
      "a search that fails within 15 min is not slow, nor is one whose beginning is unknown",
      [
        ["accepted", {}, 0],
        ["failed", { stage: "search" }, 14 * MINUTE],
        ["failed", { run_id: OTHER, stage: "search" }, 1],
      ],
      ["+search-failed", "+search-failed"],
    ],
    [
      "a deployment that fails long after its run was accepted is no slow search",
      [
        ["accepted", {}, 0],
        ["searched", quick, 2 * MINUTE],
        ["failed", { stage: "deployment" }, 60 * MINUTE],
      ],
      ["+deployment-failed"],
    ],
    [
      "a rollback is an alert until a deployment is verified",
      [["rolled-back"], ["deployed"], ["verified"]],
      ["+rolled-back", "+deployed", "-rolled-back"],
    ],
    [
      "every rollback is an alert of its own",
      [["rolled-back"], ["rolled-back"]],
      ["+rolled-back", "+rolled-back"],
    ],
    [
      "a search of 15 min is no alert, a longer one is, a quick one ends it",
      [
        ["searched", { optimization_time_seconds: 900 }],
        ["searched", slow],
        ["searched", quick],
      ],
      ["+slow-optimization", "-slow-optimization"],
    ],
    [
      "30 days without a search are no alert, more are, once",
      [
        ["searched", quick, 0],
        ["tick", {}, 30],
        ["tick", {}, 30.1],
        ["tick", {}, 31],
      ],
      ["+stale"],
    ],
    [
      "the next search ends it",
      [
        ["tick", {}, 0],
        ["tick", {}, 31],
        ["searched", quick, 32],
        ["tick", {}, 61],
      ],
      ["+stale", "-stale"],
    ],
    [
      "a forecaster without any search is stale 30 days after it was first seen",
      [
        ["tick", {}, 5],
        ["tick", {}, 34],
        ["tick", {}, 36],
      ],
      ["+stale"],
    ],
  ])("%s", (_, story, expected) => {
    expect(alerts(story)).toEqual(expected);
  });

  it.each([
    ["validation-failing", "medium", ["email"]],
    ["deployment-failed", "high", ["email"]],
    ["search-failed", "medium", ["email", "log"]],
    ["rolled-back", "high", ["email", "slack"]],
    ["slow-optimization", "medium", ["email"]],
    ["stale", "low", ["email"]],
    ["deployed", "info", ["email"]],
    ["dead-letter", "high", ["email"]],
  ])("%s has severity %s and goes to %s", (name, severity, channels) => {
    const rule = rules.find((each) => each.rule === name);
    expect(rule).toMatchObject({ severity, channels: expect.arrayContaining(channels) });
  });
});

describe("an alert", () => {
  const first = (told: Told) => decide(initialState("usdclp-7d"), event(told, 6), rules).changes[0];

  it("says what happened and from which message it was decided", () => {
    expect(first(["failed", { stage: "deployment", cause: "ENOSPC", will_retry: false }])).toMatchObject({
      message: `Config deployment failed - manual intervention needed: run ${RUN} failed at deployment: ENOSPC`,
      runId: RUN,
      causedBy: [7],
      cause: "7",
    });
    expect(first(["searched", slow])?.message).toBe(
      "Optimization slow - consider reducing search space: the search took 15.0 min, longer than 15m",
    );
  });

  it("says how long a search went on before it failed", () => {
    const { state } = decide(initialState("usdclp-7d"), event(["accepted"], 0), rules);
    const { changes } = decide(state, event(["failed", { stage: "search" }, 25 * MINUTE], 1), rules);
    expect(changes.find(({ rule }) => rule.rule === "slow-optimization")).toMatchObject({
      message:
        "Optimization slow - consider reducing search space: the search failed after 25.0 min, longer than 15m",
      figures: { optimization_time_seconds: 1_500 },
    });
  });

  it("is the same whenever staleness is noticed, and as old as its being noticed", () => {
    const noticed = (day: number) => {
      const { state } = decide(initialState("usdclp-7d"), event(["searched", quick, 0], 0), rules);
      const { at, ...rest } = decide(state, event(["tick", {}, day], 0), rules).changes[0]!;
      expect(Date.parse(at)).toBe(DAY0 + day * 86_400_000);
      return rest;
    };
    expect(noticed(31)).toEqual(noticed(40));
  });
});

describe("the state", () => {
  it("follows the 16 newest runs whose search goes on, and forgets those that ended", () => {
    const run = (index: number) => RUN.slice(0, -2) + String(index + 10);
    let state = initialState("usdclp-7d");
    const fold = (told: Told, index: number) => {
      state = decide(state, event(told, index), rules).state;
    };
    for (let index = 0; index < 20; index += 1) fold(["accepted", { run_id: run(index) }, index], index);
    fold(["searched", { run_id: run(18), ...quick }, 20], 20);
    fold(["failed", { run_id: run(19), stage: "search" }, 20], 21);
    expect(Object.keys(state.searching)).toEqual(Array.from({ length: 14 }, (_, index) => run(index + 4)));
  });

  it("of before runs were followed is still read", () => {
    const { searching: _, ...before } = initialState("usdclp-7d");
    expect(NotifierState.parse(before)).toEqual(initialState("usdclp-7d"));
  });
});

describe("a redelivered step", () => {
  it("changes nothing", () => {
    const told = event(["rejected"], 4);
    const { state } = decide(initialState("usdclp-7d"), told, rules);
    expect(decide(state, told, rules)).toEqual({ state, changes: [] });
  });

  it("that was overtaken by later ones still counts", () => {
    let state = initialState("usdclp-7d");
    const counts = [9, 3, 9, 6, 3].map((sequence) => {
      state = decide(state, event(["rejected"], sequence), rules).state;
      return state.rejections;
    });
    expect(counts).toEqual([1, 2, 2, 3, 3]);
  });
});
