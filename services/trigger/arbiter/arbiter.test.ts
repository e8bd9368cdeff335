import { describe, expect, it } from "vitest";
import type { Step } from "../../../shared/contracts/subjects.ts";
import { Refused } from "../../../shared/contracts/trigger.ts";
import { ArbiterState, initialArbiter } from "../state.ts";
import { asked, at, ended, evaluated, RUN, START_MS, spec, step } from "./arbiter.fixture.ts";
import { decideRequests } from "./arbiter.ts";
import { foldStep, rebuildStep } from "./following.ts";
import type { Verdict } from "./verdict.ts";

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
  ])("refuses with reason %s", (reason, known, request) => {
    const { state, events } = decideRequests(initialArbiter("a"), [asked(1, request)], {
      ...at(0),
      spec: known,
    });
    expect(events).toMatchObject([{ step: "refused", data: { reason } }]);
    expect(Refused.parse(events[0]!.data).message).not.toBe("");
    expect(state.active).toBeNull();
  });

  it("does the most thorough of what a batch asks for", () => {
    const batch = [asked(1, { action: "reweigh" }), asked(2, { action: "refit" })];
    expect(decideRequests(initialArbiter("a"), batch, at(0)).events).toMatchObject([
      { step: "accepted", data: { action: "refit", escalates_to: null, coalesced: 1 } },
    ]);
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
    const first = { cause: "first-deployment" as const };
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
    const happens = (name: Step, run: string, days: number, data: Record<string, unknown> = {}) => {
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
    const { active, last_triggered_at, automatic_at, ended: runs } = state;
    expect(rebuilt).toMatchObject({
      active: { run: active!.run },
      last_triggered_at,
      automatic_at,
      ended: runs,
    });
  });
});
