import { describe, expect, it } from "vitest";
import { newEvent } from "../../../shared/events.ts";
import { detector, evaluatedEvent, RunScript, START_MS } from "../testing/samples.ts";
import { describeEvent } from "./describe.ts";

const alert = (over: object = {}) =>
  newEvent({
    source: "retune/notifier/test",
    type: "dev.retune.alert.raised",
    subject: "eurusd-7d",
    timeMs: START_MS,
    data: {
      rule: "rollback",
      about: "eurusd-7d",
      severity: "high",
      message: "eurusd-7d was rolled back",
      caused_by: [],
      evidence: { code_version: "test" },
      ...over,
    },
  });

describe("a message of DECISIONS in words", () => {
  it.each([
    [
      "the request of a person",
      "retrain.request",
      { forecaster: "eurusd-7d", requested_by: "ana", reason: "new data" },
      "ana asked for a run: new data",
      "neutral",
    ],
    ["an empty request", "retrain.request", {}, "someone asked for a run of every forecaster", "neutral"],
    ["a request that is a bare id", "retrain.request", "eurusd-7d", "someone asked for a run", "neutral"],
    [
      "an evaluation that fired",
      "retrain.evaluated.eurusd-7d",
      evaluatedEvent("eurusd-7d", [detector()]),
      "evaluated, to be optimized: RMSE of the last 14 d is 31 % above that of the 60 d before",
      "attention",
    ],
    [
      "a calm evaluation",
      "retrain.evaluated.eurusd-7d",
      evaluatedEvent("eurusd-7d", [detector({ fired: false }), detector({ detector: "drift", fired: null })]),
      "evaluated, all calm enough: performance calm, drift cannot tell",
      "neutral",
    ],
    [
      "a high alert",
      "alert.raised.rollback.eurusd-7d",
      alert(),
      "alert rollback (high): eurusd-7d was rolled back",
      "bad",
    ],
    [
      "the end of an alert",
      "alert.cleared.rollback.eurusd-7d",
      alert(),
      "alert rollback cleared: eurusd-7d was rolled back",
      "good",
    ],
    [
      "an alert that breaks its contract",
      "alert.raised.rollback.x",
      { data: 3 },
      "alert rollback.x (its data break the contract)",
      "attention",
    ],
    ["a subject nobody knows", "retrain.hello", {}, "message on retrain.hello", "neutral"],
  ])("tells %s", (_, subject, payload, text, tone) => {
    expect(describeEvent(subject, payload)).toMatchObject({ text, tone });
  });

  it("tells a step with its run and forecaster", () => {
    const script = new RunScript("eurusd-7d", "a").accepted().searched().verdict("approved");
    const { subject, event } = script.events[2]!;
    expect(describeEvent(subject, event)).toEqual({
      text: "approved: RMSE 0.0085 → 0.0079, 7.1 % better",
      tone: "good",
      kind: "approved",
      forecaster: "eurusd-7d",
      run_id: script.run,
    });
  });

  it("survives payloads of every kind", () => {
    for (const payload of [undefined, null, 3, "x", [], {}, { data: null }, { data: [] }]) {
      expect(describeEvent(`retrain.accepted.a.${new RunScript("a", "b").run}`, payload).text).toContain(
        "break the contract",
      );
      expect(describeEvent("retrain.evaluated.a", payload).text).toContain("break the contract");
    }
  });
});
