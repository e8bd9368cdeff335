import { describe, expect, it } from "vitest";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Refused } from "../../shared/contracts/trigger.ts";
import { newEvent } from "../../shared/events.ts";
import { refuseUnknown } from "./arbiter/arbiter.ts";
import { rebuildStep } from "./arbiter/following.ts";
import type { ManualRequest } from "./arbiter/wish.ts";
import { isHandled } from "./handled.ts";
import { initialArbiter } from "./state.ts";

const AT_MS = Date.parse("2025-01-01T00:00:00Z");
const circumstances = { spec: undefined, atMs: AT_MS, machineMs: AT_MS, evidence: { code_version: "test" } };

describe("requests for a forecaster without spec and state", () => {
  it("are refused one by one, under the same run whatever company they come in", () => {
    const all = refuseUnknown("a", [asked(4), asked(4), asked(9)], circumstances);
    expect(all.map(({ step, data }) => [step, data.caused_by])).toEqual([
      ["refused", [4]],
      ["refused", [9]],
    ]);
    for (const { data } of all) expect(Refused.parse(data).reason).toBe("unknown-forecaster");
    const alone = refuseUnknown("a", [asked(9)], circumstances);
    expect(alone[0]!.data.run_id).toBe(all[1]!.data.run_id);
    expect(refuseUnknown("b", [asked(9)], circumstances)[0]!.data.run_id).not.toBe(alone[0]!.data.run_id);
  });

  it("are the only ones that count as handled when the forecaster is applied later", () => {
    const [refusal] = refuseUnknown("a", [asked(4)], circumstances);
    const state = rebuildStep(initialArbiter("a"), stored(20, Refused.parse(refusal!.data)));
    expect([3, 4, 5, 20].map((each) => isHandled(state.requests, each))).toEqual([false, true, false, false]);
    const known = rebuildStep(state, stored(30, Refused.parse({ ...refusal!.data, reason: "disabled" })));
    expect([29, 30, 31].map((each) => isHandled(known.requests, each))).toEqual([true, true, false]);
  });
});

function asked(sequence: number): ManualRequest {
  return { sequence, storedMs: AT_MS + sequence, request: { action: "search" } };
}

function stored(sequence: number, data: Refused) {
  const type = "dev.retune.retrain.refused";
  const event = newEvent({ source: "test", type, subject: "a", timeMs: AT_MS, data });
  const subject = subjects.step("refused", "a", data.run_id);
  return { subject, sequence, storedMs: AT_MS, event: event as never };
}
