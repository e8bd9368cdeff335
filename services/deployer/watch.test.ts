import { describe, expect, it } from "vitest";
import { WatchSpec } from "../../shared/contracts/spec.ts";
import type { Score } from "../../shared/contracts/telemetry.ts";
import { liveConfig } from "./deployer.fixture.ts";
import { newWatch, type WatchState } from "./state.ts";
import { decide, type InstanceHealth, type Look, scoreRatio } from "./watch.ts";

const FROM = Date.parse("2025-01-13T02:30:00Z");
const params = WatchSpec.parse({});
const [old, current] = [liveConfig({ version: 3, validation_rmse: 9 }), liveConfig({ version: 4 })];
const watching = newWatch(
  { config: current, revision: 7, previous: old },
  { phase: "watching", from: at(0), startedAtMs: 0, sequence: 5 },
);
const healthy: InstanceHealth = { instance: "a", status: "ok", live_revision: 7, fresh: true };
const dead: InstanceHealth = { ...healthy, fresh: false };

function at(minute: number): string {
  return new Date(FROM + minute * 60_000).toISOString();
}

function look(minute: number, instances: readonly InstanceHealth[], scores: readonly Score[] = []): Look {
  return { at: at(minute), instances, scores, scoreSequence: minute };
}

function scored(version: string, step: number, error: number, variant?: "challenger"): Score {
  return {
    issued_at: at(0),
    target_ts: at(1),
    step,
    error,
    abs_pct_error: 1,
    in_interval: true,
    model_version: version,
    ...(variant && { variant }),
  };
}

/** Verdicts of one check a minute; h is a healthy look, f a failed one. */
function verdicts(looks: string, spec = params): string[] {
  let state: WatchState = watching;
  return [...looks].map((each, i) => {
    const decision = decide(state, look(i + 1, each === "h" ? [healthy] : [dead]), spec);
    state = decision.state;
    return decision.verdict;
  });
}

describe("the watch over a deployment (A-MON-1)", () => {
  it.each([
    ["rolls back at the third failed check in a row", "hfff", ["go-on", "go-on", "go-on", "roll-back"]],
    ["starts counting anew after a success", "ffhffhff", Array(8).fill("go-on")],
    ["rolls back at once where the first three fail", "fff", ["go-on", "go-on", "roll-back"]],
  ])("%s", (_, looks, expected) => {
    expect(verdicts(looks)).toEqual(expected);
  });

  it.each([
    ["waits for a success", "hfh", ["go-on", "go-on", "verified"]],
    ["rolls back where none comes", "hfff", ["go-on", "go-on", "go-on", "roll-back"]],
  ])("does not end on a failed check: it %s", (_, looks, expected) => {
    expect(verdicts(looks, WatchSpec.parse({ duration: "2m" }))).toEqual(expected);
  });

  it("ends well after an hour of one check a minute", () => {
    expect(verdicts("h".repeat(60))).toEqual([...Array(59).fill("go-on"), "verified"]);
  });

  it("goes by the spec's own numbers", () => {
    expect(verdicts("hf", WatchSpec.parse({ failures: 1 }))).toEqual(["go-on", "roll-back"]);
    expect(verdicts("hh", WatchSpec.parse({ duration: "2m" }))).toEqual(["go-on", "verified"]);
  });

  it.each<[string, InstanceHealth[], string[]]>([
    ["no instance reported ever", [], ["no heartbeat of any instance"]],
    ["every heartbeat is old", [dead], ["no heartbeat of any instance"]],
    [
      "one of two is degraded",
      [healthy, { ...healthy, instance: "b", status: "degraded", error: "model file is truncated" }],
      ["b is degraded: model file is truncated"],
    ],
    [
      "one still serves the config before",
      [healthy, { ...healthy, instance: "b", live_revision: 6 }],
      ["b serves revision 6, expected 7 or newer"],
    ],
    [
      "an instance that is gone is old, the other one well",
      [
        { ...dead, status: "degraded" },
        { ...healthy, instance: "b" },
      ],
      [],
    ],
    ["an instance serves a newer config", [{ ...healthy, live_revision: 9 }], []],
  ])("judges health: %s", (_, instances, reasons) => {
    expect(decide(watching, look(1, instances), params).state.last_checks).toMatchObject([
      { healthy: reasons.length === 0, reasons },
    ]);
  });

  it("does not look before one interval has passed, nor twice in one", () => {
    expect(
      decide(watching, { ...look(0, [dead]), at: new Date(FROM + 59_000).toISOString() }, params).state,
    ).toBe(watching);
    const { state } = decide(watching, look(1, [dead]), params);
    expect(decide(state, look(1, [dead]), params)).toEqual({ state, verdict: "go-on" });
  });

  it("leaves an ended watch as it is", () => {
    const ended: WatchState = { ...watching, phase: "ended" };
    expect(decide(ended, look(99, []), params)).toEqual({ state: ended, verdict: "go-on" });
  });
});

describe("scores under watch", () => {
  const errors = (version: string, step: number, error: number, n: number) =>
    Array.from({ length: n }, () => scored(version, step, error));
  const ratioAfter = (scores: Score[], state = watching) =>
    scoreRatio(decide(state, look(1, [healthy], scores), params).state);

  it("compares the new config with the champion at the same steps", () => {
    // The champion's error doubles with the step; the new config has only been scored at step 1.
    const { ratio, n } = ratioAfter([
      ...errors("v3", 1, 1, 10),
      ...errors("v3", 2, 2, 10),
      ...errors("v4", 1, 1.5, 5),
    ]);
    expect([ratio, n]).toEqual([1.5, 5]);
  });

  it("is unhealthy above the ratio, once there are scores enough", () => {
    const healthyWith = (n: number) =>
      decide(watching, look(1, [healthy], [...errors("v3", 1, 1, 10), ...errors("v4", 1, 2.1, n)]), params)
        .state.last_checks[0]?.healthy;
    expect([healthyWith(4), healthyWith(5)]).toEqual([true, false]);
  });

  it("stands the validation RMSE in for a champion without scores", () => {
    expect(ratioAfter(errors("v4", 1, 18, 5)).ratio).toBe(2);
  });

  it("has nothing to say of a first deployment, nor of challengers and other versions", () => {
    const first = newWatch(
      { config: current, revision: 7, previous: null },
      { phase: "watching", from: at(0), startedAtMs: 0, sequence: 5 },
    );
    expect(ratioAfter(errors("v4", 1, 1e9, 9), first).ratio).toBeNull();
    expect(ratioAfter([scored("v4", 1, 1e9, "challenger"), scored("v1", 1, 1e9)])).toMatchObject({
      n: 0,
      ratio: null,
    });
  });

  it("adds up what comes in parts", () => {
    const parts = [errors("v3", 1, 1, 10), errors("v4", 1, 1, 3), errors("v4", 1, 1, 3)];
    let state = watching;
    parts.forEach((scores, i) => {
      state = decide(state, look(i + 1, [healthy], scores), params).state;
    });
    expect(scoreRatio(state)).toMatchObject({ n: 6, ratio: 1 });
    expect(state.score_sequence).toBe(3);
  });
});

describe("the watch over a fleet's forecaster", () => {
  /** Scores of two entities, one a hundred times as large as the other, that the forecast beats the last value on. */
  const fleet = (version: string, entities: readonly string[], error: number): Score[] =>
    entities.map((entity) => {
      const size = entity === "large" ? 100 : 1;
      return { ...scored(version, 1, error * size), entity, naive_error: 2 * size };
    });

  it("does not blame the new config for entities that joined and are larger", () => {
    const before = [...Array(20)].flatMap(() => fleet("v3", ["small"], 1));
    const joined = [...Array(10)].flatMap(() => fleet("v4", ["small", "large"], 1));
    const { state } = decide(watching, look(1, [healthy], [...before, ...joined]), params);
    expect(scoreRatio(state).ratio).toBeCloseTo(1, 9);
    expect(state.last_checks.at(-1)).toMatchObject({ healthy: true });
  });

  it("does blame it for forecasting them three times as badly", () => {
    const before = [...Array(20)].flatMap(() => fleet("v3", ["small", "large"], 1));
    const worse = [...Array(10)].flatMap(() => fleet("v4", ["small", "large"], 3));
    const { state } = decide(watching, look(1, [healthy], [...before, ...worse]), params);
    expect(scoreRatio(state).ratio).toBeCloseTo(3, 9);
    expect(state.last_checks.at(-1)).toMatchObject({ healthy: false });
  });
});
