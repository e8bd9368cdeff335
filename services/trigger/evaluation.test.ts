import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { VirtualClock } from "../../shared/clock.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import type { Accepted, Refused } from "../../shared/contracts/trigger.ts";
import { TEST_TIME_MS } from "../../test/support/context.ts";
import {
  applySpec,
  arbiter,
  context,
  dayAt,
  evaluations,
  forecaster,
  messageAt,
  nonEmpty,
  observe,
  publishStep,
  request,
  running,
  score,
  startTrigger,
  steps,
  until,
  useTrigger,
} from "./trigger.fixture.ts";

useTrigger();

const DAY_MS = 86_400_000;

describe("evaluations", () => {
  it("lead to a first deployment once there is history enough (A-VAL-6's run), whose receipt has the figures", async () => {
    await applySpec();
    await startTrigger();
    await observe(0, 20);
    const waiting = await until(async () => nonEmpty(await evaluations()));
    expect(waiting[0]!.should_optimize).toBe(false);
    expect(waiting[0]!.reasons[0]).toContain("waiting for history");
    await observe(20, 60);
    const [accepted] = await until(async () => nonEmpty(await steps<Accepted>("accepted")));
    expect(accepted).toMatchObject({ cause: "first-deployment" });
    const evaluated = (await evaluations()).at(-1)!;
    expect(evaluated.detectors.map(({ detector }) => detector)).toEqual(["performance", "drift", "time"]);
    expect(evaluated.evidence).toMatchObject({
      code_version: "test",
      spec_revision: expect.any(Number),
      live_revision: 0,
    });
    expect(evaluated.evidence.stream).toMatchObject({ name: "TELEMETRY", last_sequence: expect.any(Number) });
    const cause = await messageAt(accepted!.caused_by[0]!);
    expect(cause).toBe(subjects.evaluated(forecaster));
  });

  it("that fire start one run; the cool-down keeps the next back, and a person passes it (A-TRG-1, A-TRG-6)", async () => {
    await applySpec();
    await context.bus.kv("live-configs", z.unknown()).put(forecaster, { version: 1 });
    await startTrigger();
    await score(0, 60, (day) => (day < 46 ? 1 : 3));
    const [first] = await until(async () => nonEmpty(await steps<Accepted>("accepted")));
    expect(first).toMatchObject({ cause: "trigger" });
    expect(first!.reasons.some((reason) => reason.startsWith("performance: RMSE of the last 14d"))).toBe(
      true,
    );
    await publishStep("rejected", first!.run_id);
    await until(async () => (await arbiter())?.active === null);

    for (const day of [61, 62, 63]) {
      await score(day, day + 1, () => 3);
      await until(async () =>
        (await evaluations()).some(({ evidence }) => evidence.event_time === dayAt(day)),
      );
    }
    const refused = await until(async () => nonEmpty(await steps<Refused>("refused")));
    expect(refused).toMatchObject([{ reason: "cool-down", cause: "trigger" }]);
    await request(forecaster);
    await until(async () => (await steps("accepted")).length === 2);
    expect(await steps("refused")).toHaveLength(1);
  });

  it("come by the clock when no telemetry does (A-TRG-3), at most one per evaluate_every", async () => {
    await applySpec();
    await context.bus.kv("live-configs", z.unknown()).put(forecaster, { version: 1 });
    await startTrigger();
    await (context.clock as VirtualClock).advanceTo(TEST_TIME_MS + 3 * DAY_MS);
    const all = await evaluations();
    expect(all.length).toBeGreaterThanOrEqual(2);
    expect(all.length).toBeLessThanOrEqual(3);
    expect(all[0]!.reasons).toEqual(["time: never optimized"]);
    await until(async () => (await steps("accepted")).length === 1);
  });

  it("of a forecaster that came after its telemetry look at what the stream still holds", async () => {
    await startTrigger();
    await observe(0, 60);
    await score(0, 60, () => 1);
    const { lastSequence } = await context.bus.streamState("TELEMETRY");
    await applySpec();
    const reply = z.object({
      reports: z.array(z.looseObject({ detectors: z.array(z.any()), evidence: z.any() })),
    });
    const { reports } = await until(async () => {
      const answer = await context.bus
        .request("trigger.evaluate", { forecaster }, reply)
        .catch(() => undefined);
      return answer?.reports.length === 1 && answer;
    });
    expect(reports[0]!.detectors[0].figures).toMatchObject({ scores_recent: 28, scores_baseline: 120 });
    expect(reports[0]!.evidence.stream.last_sequence).toBe(lastSequence);
  });

  it("and runs are known again when the buckets were lost: no second run beside one that is on", async () => {
    await applySpec();
    await startTrigger();
    await request(forecaster);
    await until(async () => (await steps("accepted")).length === 1);
    for (const each of running.splice(0)) await each.stop();
    await context.bus.kv("states", z.unknown()).delete(`arbiter.${forecaster}`);
    await startTrigger();
    await request(forecaster);
    await until(async () => (await steps("refused")).length === 1);
    expect(await steps("accepted")).toHaveLength(1);
  });

  it("answer on trigger.evaluate, and an unknown forecaster gets an error", async () => {
    await applySpec();
    await startTrigger();
    const reply = z.object({
      reports: z.array(z.looseObject({ forecaster: z.string(), should_optimize: z.boolean() })),
    });
    const { reports } = await context.bus.request("trigger.evaluate", { forecaster }, reply);
    expect(reports).toMatchObject([{ forecaster, should_optimize: false }]);
    await expect(context.bus.request("trigger.evaluate", { forecaster: "nobody" }, reply)).rejects.toThrow(
      "there is no forecaster 'nobody'",
    );
  });
});
