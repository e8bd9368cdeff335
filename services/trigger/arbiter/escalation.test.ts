import { describe, expect, it } from "vitest";
import type { Step } from "../../../shared/contracts/subjects.ts";
import { initialArbiter } from "../state.ts";
import { asked, at, detector, evaluated, specWith, step, tick } from "./arbiter.fixture.ts";
import { decideRequests } from "./arbiter.ts";
import { foldStep, rebuildStep } from "./following.ts";
import type { Decision } from "./verdict.ts";

const cheapFirst = specWith({ remedy: { triggered: "reweigh", by_detector: { drift: "refit" } } });

/** The state after the decision's run ended with `end`. */
function after({ state }: Decision, end: Step, data: Record<string, unknown> = {}) {
  return foldStep(state, step(end, state.active!.run, 900, 0.1, data));
}

describe("remedies, cheapest first", () => {
  const drift = { ...detector("medium"), detector: "drift" as const };
  const performance = { ...detector("medium"), detector: "performance" as const };

  it.each([
    ["the one of the trigger", [performance], "reweigh"],
    ["the one of the detector that fired", [drift], "refit"],
    ["the most thorough of those that fired", [performance, drift], "refit"],
    ["not of one that only warns", [performance, { ...drift, warns: true }], "reweigh"],
  ])("a triggered run takes %s", (_, detectors, action) => {
    const { events } = evaluated(initialArbiter("a"), 1, 0, { detectors }, cheapFirst);
    expect(events).toMatchObject([{ step: "accepted", data: { action } }]);
  });

  it("one that was refused is not taken up again by a state that is rebuilt", () => {
    const run = "01900000-0000-7000-8000-000000000001";
    const other = "01900000-0000-7000-8000-000000000002";
    const rebuilt = [
      step("accepted", run, 10, 0, { cause: "trigger", action: "refit", escalates_to: "search" }),
      step("rejected", run, 11, 0),
      step("refused", other, 12, 0, { cause: "escalation", reason: "budget", caused_by: [11] }),
    ].reduce(rebuildStep, initialArbiter("a"));
    expect(tick(rebuilt, 100).events).toEqual([]);
  });

  it("a first deployment is a search whatever the spec says", () => {
    const { events } = evaluated(initialArbiter("a"), 1, 0, { cause: "first-deployment" }, cheapFirst);
    expect(events).toMatchObject([{ data: { action: "search", escalates_to: null } }]);
  });

  it.each([
    ["rejected", {}, /reweigh of run .* was not approved/],
    ["failed", { cause: "nothing to weigh" }, /was not possible: nothing to weigh/],
  ] as const)(
    "one that is %s is followed by the next at once, in spite of the cool-down",
    (end, data, why) => {
      const first = evaluated(initialArbiter("a"), 1, 0, { detectors: [performance] }, cheapFirst);
      expect(first.events).toMatchObject([{ data: { action: "reweigh", escalates_to: "refit" } }]);
      const second = tick(after(first, end, data), 0.1, cheapFirst);
      expect(second.events).toMatchObject([
        {
          step: "accepted",
          data: { cause: "escalation", action: "refit", escalates_to: "search", caused_by: [900] },
        },
      ]);
      expect((second.events[0]!.data as { reasons: string[] }).reasons[0]).toMatch(why);
      const third = tick(after(second, "rejected"), 0.2, cheapFirst);
      expect(third.events).toMatchObject([{ data: { action: "search", escalates_to: null } }]);
      expect(after(third, "rejected").pending).toBeNull();
    },
  );

  it("another use of the forecasts that does not help is followed by a search, and gives way to any other (B-STR-1)", () => {
    const spec = specWith({ remedy: { triggered: "strategy", by_detector: { drift: "reweigh" } } });
    const { events } = evaluated(initialArbiter("a"), 1, 0, { detectors: [performance] }, spec);
    expect(events).toMatchObject([{ data: { action: "strategy", escalates_to: "search" } }]);
    const both = evaluated(initialArbiter("a"), 1, 0, { detectors: [performance, drift] }, spec);
    expect(both.events).toMatchObject([{ data: { action: "reweigh" } }]);
  });

  it.each(["verified", "rolled-back"] as const)("one that ends as %s is followed by nothing", (end) => {
    const first = evaluated(initialArbiter("a"), 1, 0, { detectors: [performance] }, cheapFirst);
    expect(after(first, end).pending).toBeNull();
  });

  it("nothing follows where the spec does not want it, or a person asked", () => {
    const still = specWith({ remedy: { triggered: "refit", escalate: false } });
    expect(after(evaluated(initialArbiter("a"), 1, 0, {}, still), "rejected").pending).toBeNull();
    const person = decideRequests(initialArbiter("a"), [asked(1, { action: "refit" })], at(0, cheapFirst));
    expect(after(person, "rejected").pending).toBeNull();
  });

  it("counts for the weekly budget", () => {
    const tight = specWith({ weekly_budget: 1, remedy: { triggered: "refit" } });
    const first = evaluated(initialArbiter("a"), 1, 0, {}, tight);
    expect(tick(after(first, "rejected"), 0.1, tight).events).toMatchObject([
      { step: "refused", data: { reason: "budget", cause: "escalation" } },
    ]);
  });

  it("is not called off by an evaluation that finds nothing", () => {
    const waiting = after(
      evaluated(initialArbiter("a"), 1, 0, { detectors: [performance] }, cheapFirst),
      "failed",
    );
    const calm = evaluated(waiting, 950, 0.2, { should_optimize: false }, cheapFirst);
    expect(calm.state.pending).toMatchObject({ cause: "escalation", action: "refit" });
  });

  it("is wished for again by a state that is rebuilt from the stream", () => {
    const first = evaluated(initialArbiter("a"), 1, 0, { detectors: [performance] }, cheapFirst);
    const { data } = first.events[0]!;
    const run = data.run_id;
    const accepted = rebuildStep(initialArbiter("a"), step("accepted", run, 800, 0, { ...data }));
    const rebuilt = rebuildStep(accepted, step("rejected", run, 900, 0.1));
    expect(rebuilt.pending).toMatchObject({ cause: "escalation", action: "refit", origin: run });
  });
});
