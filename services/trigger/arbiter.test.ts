import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type Step, subjects } from "../../shared/contracts/subjects.ts";
import { Accepted, type Evaluated, Refused, type RetrainRequest } from "../../shared/contracts/trigger.ts";
import {
  type Decision,
  decideEvaluated,
  decideRequests,
  foldStep,
  rebuildStep,
  type Verdict,
} from "./arbiter.ts";
import { ArbiterState, initialArbiter } from "./state.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.parse("2025-01-01T00:00:00Z");
const spec = ForecasterSpec.parse({ forecaster: "a", series: "s", horizon: "7d" });
const evidence = { code_version: "test" };

describe("the arbiter, asked by a person (K-4)", () => {
  it("accepts one run for a whole batch, and says what it answers", () => {
    const batch = [5, 6, 9].map((sequence) =>
      asked(sequence, { reason: `r${sequence % 2}`, requested_by: "ops" }),
    );
    const { state, events } = decideRequests(initialArbiter("a"), batch, at(0));
    expect(events).toMatchObject([
      {
        step: "accepted",
        data: {
          cause: "manual",
          coalesced: 2,
          caused_by: [5, 6, 9],
          reasons: ["r1", "r0"],
          requested_by: "ops",
        },
      },
    ]);
    expect(state.active?.run).toBe(events[0]!.data.run_id);
  });

  it("takes the highest priority of the batch", () => {
    const batch = [asked(1, { priority: "low" }), asked(2, { priority: "high" }), asked(3)];
    expect(decideRequests(initialArbiter("a"), batch, at(0)).events[0]!.data).toMatchObject({
      priority: "high",
    });
  });

  it("gives the same run to the same request, and nothing to one that comes again in other company", () => {
    const once = decideRequests(initialArbiter("a"), [asked(1), asked(2)], at(0));
    const again = decideRequests(initialArbiter("a"), [asked(1), asked(2)], at(3));
    expect(again.events[0]!.data.run_id).toBe(once.events[0]!.data.run_id);
    expect(decideRequests(once.state, [asked(2)], at(0))).toEqual({ state: once.state, events: [] });
    const ended = foldStep(once.state, step("rejected", once.events[0]!.data.run_id, 9));
    expect(decideRequests(ended, [asked(1), asked(2)], at(0)).events).toEqual([]);
  });

  it("refuses once for a batch while a run is on", () => {
    const first = decideRequests(initialArbiter("a"), [asked(1)], at(0));
    const second = decideRequests(first.state, [asked(2), asked(3)], at(0));
    const active_run = first.state.active!.run;
    expect(second.events).toMatchObject([
      { step: "refused", data: { reason: "run-active", coalesced: 1, active_run } },
    ]);
  });

  it.each([
    ["unknown-forecaster", undefined, {}],
    ["disabled", { ...spec, enabled: false }, {}],
    ["unsupported-action", spec, { action: "refit" as const }],
    ["unsupported-action", spec, { action: "reweigh" as const }],
  ])("refuses with reason %s", (reason, known, request) => {
    const { state, events } = decideRequests(initialArbiter("a"), [asked(1, request)], {
      ...at(0),
      spec: known,
    });
    expect(events).toMatchObject([{ step: "refused", data: { reason } }]);
    expect(Refused.parse(events[0]!.data).message).not.toBe("");
    expect(state.active).toBeNull();
  });

  it("answers what it can of a mixed batch", () => {
    const { events } = decideRequests(initialArbiter("a"), [asked(1, { action: "refit" }), asked(2)], at(0));
    expect(events.map((each) => each.step)).toEqual(["refused", "accepted"]);
  });

  it("names 100 causes at most, the rest is counted", () => {
    const batch = Array.from({ length: 500 }, (_, i) => asked(i + 1));
    const [event] = decideRequests(initialArbiter("a"), batch, at(0)).events;
    expect(event!.data.caused_by).toHaveLength(100);
    expect(event!.data.coalesced).toBe(499);
  });
});

describe("the arbiter, asked by an evaluation", () => {
  it("accepts, with the reasons and the priority of the worst severity", () => {
    const { events } = evaluated(initialArbiter("a"), 1, 0);
    expect(events).toMatchObject([
      {
        step: "accepted",
        data: { cause: "trigger", priority: "high", caused_by: [1], reasons: ["it is bad"] },
      },
    ]);
  });

  it("does nothing for one that says no", () => {
    const state = initialArbiter("a");
    expect(evaluated(state, 1, 0, { should_optimize: false })).toEqual({ state, events: [] });
  });

  it.each([
    [13.9, "refused"],
    [14, "accepted"],
  ])("%d days after the last triggered run: %s (A-TRG-6)", (days, expected) => {
    const state = ended(evaluated(initialArbiter("a"), 1, 0));
    expect(evaluated(state, 3, days).events.map((each) => each.step)).toEqual([expected]);
  });

  it("tells a cool-down once, not at every evaluation", () => {
    let state = ended(evaluated(initialArbiter("a"), 1, 0));
    const told = [1, 2, 3, 4].map((day) => {
      const decision = evaluated(state, 10 + day, day);
      state = decision.state;
      return decision.events.length;
    });
    expect(told).toEqual([1, 0, 0, 0]);
  });

  it("a person passes a cool-down and does not start one (A-TRG-6)", () => {
    const state = ended(evaluated(initialArbiter("a"), 1, 0));
    const manual = decideRequests(state, [asked(5)], at(1));
    expect(manual.events[0]!.step).toBe("accepted");
    const later = ended(manual);
    expect(later.last_triggered_at).toBe(state.last_triggered_at);
    expect(evaluated(later, 9, 14.5).events[0]!.step).toBe("accepted");
  });

  it("a first deployment that failed is tried again after evaluate_every, not after the cool-down, and not sooner", () => {
    const first = { cause: "first-deployment" };
    const state = ended(evaluated(initialArbiter("a"), 1, 0, first));
    expect(evaluated(state, 3, 0.5, first).events).toMatchObject([
      { step: "refused", data: { reason: "cool-down" } },
    ]);
    expect(evaluated(state, 4, 1, first).events).toMatchObject([
      { step: "accepted", data: { cause: "first-deployment" } },
    ]);
  });
});

describe("following runs", () => {
  it("knows how far the active run is, and forgets it at its end", () => {
    const accepted = decideRequests(initialArbiter("a"), [asked(1)], at(0));
    const { run } = accepted.state.active!;
    const searched = foldStep(accepted.state, step("searched", run, 7));
    expect(searched.active).toMatchObject({ step: "searched", step_sequence: 7 });
    expect(searched.last_optimized_at).toBe(new Date(START_MS).toISOString());
    expect(foldStep(searched, step("accepted", run, 2))).toBe(searched);
    expect(foldStep(searched, step("failed", run, 8)).active).toBeNull();
  });

  it("keeps what the approval says comes next, and nothing else that may stand there", () => {
    const accepted = decideRequests(initialArbiter("a"), [asked(1)], at(0));
    const { run } = accepted.state.active!;
    const approved = foldStep(accepted.state, step("approved", run, 7, 0, { next_stage: "trial" }));
    expect(approved.active?.next_stage).toBe("trial");
    const odd = foldStep(accepted.state, step("approved", run, 7, 0, { next_stage: "elsewhere" }));
    expect(ArbiterState.parse(odd).active).not.toHaveProperty("next_stage");
  });

  it("does not take a late 'accepted' of an ended run for a run that is on", () => {
    const state = ended(decideRequests(initialArbiter("a"), [asked(1)], at(0)));
    expect(foldStep(state, step("accepted", RUN, 2)).active).toBeNull();
  });

  it("comes to the same from the stream when the state is lost, up to what was never published", () => {
    let state = initialArbiter("a");
    let sequence = 100;
    const history: ReturnType<typeof step>[] = [];
    const happens = (name: Step, run: string, days: number, data: object = {}) => {
      sequence += 1;
      const message = step(name, run, sequence, days, data);
      history.push(message);
      state = foldStep(state, message);
    };
    for (const [days, end] of [
      [0, "rejected"],
      [20, "verified"],
      [40, undefined],
    ] as const) {
      sequence += 1;
      const decision = evaluated(state, sequence, days);
      const [{ data }] = decision.events as [Verdict];
      state = decision.state;
      happens("accepted", data.run_id, days, data);
      if (end !== undefined) happens(end, data.run_id, days);
    }
    const rebuilt = history.reduce(rebuildStep, initialArbiter("a"));
    expect(rebuilt).toMatchObject({
      active: { run: state.active!.run },
      last_triggered_at: state.last_triggered_at,
    });
  });
});

describe("whatever happens, in whatever order, however often", () => {
  const happenings = fc.array(
    fc.record({
      kind: fc.constantFrom("request", "evaluated", "first", "ends", "searched", "again"),
      days: fc.double({ min: 0, max: 20, noNaN: true }),
      count: fc.integer({ min: 1, max: 4 }),
      step: fc.constantFrom<Step>("rejected", "failed", "verified", "rolled-back"),
    }),
    { maxLength: 40 },
  );

  it("there are never two active runs, and receipts keep their contract", () => {
    fc.assert(
      fc.property(happenings, (list) => {
        const { active, most } = play(list);
        return most <= 1 && active.size <= 1;
      }),
    );
  });

  it("the same events give the same decisions", () => {
    fc.assert(
      fc.property(happenings, (list) => {
        expect(play(list).published).toEqual(play(list).published);
      }),
    );
  });

  it("triggered runs keep the cool-down between them", () => {
    fc.assert(
      fc.property(happenings, (list) => {
        const times = play(list).triggered;
        return times.every((day, i) => i === 0 || day - times[i - 1]! >= 14 - 1e-6);
      }),
    );
  });

  function play(list: readonly { kind: string; days: number; count: number; step: Step }[]) {
    let state = initialArbiter("a");
    let sequence = 0;
    let day = 0;
    let most = 0;
    let replayed: (() => Decision) | undefined;
    const active = new Set<string>();
    const published: Verdict[] = [];
    const triggered: number[] = [];
    const take = (decision: Decision) => {
      state = ArbiterState.parse(decision.state);
      for (const verdict of decision.events) {
        published.push(verdict);
        (verdict.step === "accepted" ? Accepted : Refused).parse(verdict.data);
        if (verdict.step !== "accepted") continue;
        active.add(verdict.data.run_id);
        if (verdict.data.cause === "trigger") triggered.push(day);
      }
      most = Math.max(most, active.size);
    };
    for (const { kind, days, count, step: end } of list) {
      day += days;
      const from = sequence + 1;
      sequence += count;
      const today = day;
      if (kind === "request") {
        const batch = Array.from({ length: count }, (_, i) => asked(from + i));
        replayed = () => decideRequests(state, batch, at(today));
        take(replayed());
      } else if (kind === "evaluated" || kind === "first") {
        const parts = kind === "first" ? { cause: "first-deployment" } : {};
        replayed = () => evaluated(state, from, today, parts);
        take(replayed());
      } else if (kind === "again" && replayed !== undefined) {
        const before = state;
        take(replayed());
        expect(state).toEqual(before);
      } else {
        const [run] = active;
        if (run === undefined) continue;
        state = foldStep(state, step(kind === "searched" ? "searched" : end, run, sequence, day));
        if (kind === "ends") active.delete(run);
      }
    }
    return { active, most, published, triggered };
  }
});

const RUN = "01900000-0000-7000-8000-000000000001";

function at(days: number) {
  return { spec: spec as ForecasterSpec | undefined, atMs: START_MS + days * DAY_MS, evidence };
}

function asked(sequence: number, request: Partial<RetrainRequest> = {}) {
  return { sequence, storedMs: START_MS + sequence, request: { action: "search" as const, ...request } };
}

function evaluated(
  state: ArbiterState,
  sequence: number,
  days: number,
  parts: Partial<Evaluated> = {},
): Decision {
  const thresholds = {};
  const report: Evaluated = {
    forecaster: "a",
    caused_by: [],
    should_optimize: true,
    reasons: ["it is bad"],
    detectors: [
      { detector: "performance", fired: true, severity: "medium", reason: "", figures: {}, thresholds },
      { detector: "drift", fired: true, severity: "high", reason: "", figures: {}, thresholds },
    ],
    evidence,
    ...parts,
  };
  return decideEvaluated(state, report, { sequence, storedMs: START_MS + sequence }, at(days));
}

/** The state after the run of a decision has ended. */
function ended({ state }: Decision): ArbiterState {
  return foldStep(state, step("rejected", state.active!.run, 1_000));
}

function step(name: Step, run: string, sequence: number, days = 0, data: object = {}) {
  return {
    subject: subjects.step(name, "a", run),
    sequence,
    storedMs: START_MS,
    event: {
      specversion: "1.0" as const,
      id: run,
      source: "test",
      type: `dev.retune.retrain.${name}`,
      subject: "a",
      time: new Date(START_MS + days * DAY_MS).toISOString(),
      data: { run_id: run, forecaster: "a", caused_by: [], evidence, ...data },
    },
  };
}
