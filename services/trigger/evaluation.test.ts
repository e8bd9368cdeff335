import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { VirtualClock } from "../../shared/clock.ts";
import { IncidentsState, incidentsKey } from "../../shared/contracts/incidents.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { Observation, Score } from "../../shared/contracts/telemetry.ts";
import {
  type Accepted,
  type Evaluated,
  EvaluatedStream,
  EvaluationInputs,
  type Refused,
} from "../../shared/contracts/trigger.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { TEST_TIME_MS } from "../../test/support/context.ts";
import { service as fleetMonitor } from "../fleet-monitor/main.ts";
import type { Batch } from "./monitor/monitor.ts";
import { telemetryBatch } from "./payload.ts";
import { Refolding } from "./refolding.ts";
import { reproduce } from "./reproduce.ts";
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
  requestAnew,
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
    await observe(20, 80);
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
    await requestAnew();
    await until(async () => (await steps("accepted")).length === 1);
    for (const each of running.splice(0)) await each.stop();
    await context.bus.kv("states", z.unknown()).delete(`arbiter.${forecaster}`);
    await startTrigger();
    await requestAnew();
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

  it("can be made again from their receipts and the recorded telemetry, to the last bit", async () => {
    const spec = await applySpec({
      trigger: {
        performance: { metric: "mae", trial: { threshold: 0.02 } },
        drift: { on: "values" },
        adwin: { enabled: true },
        crossing: { enabled: true, min_points: 5 },
        confirm: 2,
      },
    });
    await context.bus
      .kv("live-configs", z.unknown())
      .put(forecaster, { version: 1, timestamp: dayAt(1), validation_mae: 0.9 });
    await startTrigger();
    for (let day = 0; day < 60; day += 4) {
      await observe(day, day + 4);
      await score(day, day + 4, (each) => (each < 40 ? 1 : 1.1) + 0.1 * Math.sin(each));
    }
    const last = dayAt(59);
    const done = ({ evidence }: Evaluated) => evidence.event_time === last;
    const receipts = await until(async () => {
      const all = await evaluations();
      return all.some(done) && all;
    });
    await context.bus.request("trigger.evaluate", { forecaster }, z.unknown());
    const all = await until(async () => {
      const now = await evaluations();
      return now.length > receipts.length && now;
    });
    const scores = await recorded(`telemetry.score.${forecaster}`, Score);
    const observations = await recorded(`telemetry.observation.s-${forecaster}`, Observation);
    const late = { scores: [], observations: [] };
    for (const { forecaster: _, caused_by: __, evidence, ...published } of all) {
      const stream = EvaluatedStream.parse(evidence.stream);
      expect(stream.late).toEqual(late);
      const inputs = EvaluationInputs.parse(evidence.inputs);
      expect(inputs.deployment).toEqual({ at: dayAt(1), validation: { mae: 0.9 } });
      const nowMs = Date.parse(evidence.event_time as string);
      const report = reproduce(
        { spec, inputs, nowMs, stream, late },
        new Refolding({ scores, observations }),
      );
      expect(JSON.parse(JSON.stringify(report))).toEqual(published);
    }
    expect(all.some(({ confirmation }) => confirmation?.count === 2)).toBe(true);
  });

  it("leave incidents and the life of a rolled-back config out, whenever they are told", async () => {
    await applySpec({ trigger: { performance: { min_scores: 5 } } });
    await context.bus.kv("live-configs", z.unknown()).put(forecaster, { version: 1 });
    await startTrigger();
    await score(0, 60, (day) => (day >= 50 && day < 56 ? 9 : 1));
    await until(async () => (await evaluations()).some((each) => each.detectors[0]!.fired === true));

    const series = { target: `s-${forecaster}`, last_sequence: 1 };
    const incident = {
      incident: "feed",
      scope: { series: series.target },
      reason: "feed",
      by: "ops",
      events: ["1"],
    };
    const incidents = [{ ...incident, from: dayAt(50), to: dayAt(53) }];
    await context.bus.kv("states", IncidentsState).put(incidentsKey(series.target), { ...series, incidents });
    const run = newUuidV7(Date.parse(dayAt(53)));
    await publishStep("deployed", run, Date.parse(dayAt(53)));
    await publishStep("rolled-back", run, Date.parse(dayAt(56)));
    const report = await until(async () => {
      await context.bus.request("trigger.evaluate", { forecaster }, z.unknown());
      return (await evaluations()).find(
        ({ evidence }) => EvaluationInputs.parse(evidence.inputs).left_out.length === 2,
      );
    });
    expect(report.detectors[0]).toMatchObject({
      fired: false,
      figures: { degradation: 0, scores_recent: 16 },
    });
    expect(report.evidence.inputs).toMatchObject({
      left_out: [
        { of: "series", why: "incident", from: dayAt(50), to: dayAt(53) },
        { of: "forecaster", why: "rolled-back", from: dayAt(53), to: dayAt(56) },
      ],
    });
  });

  it("cannot tell how the fleet is where nobody answers, and can where the fleet-monitor does (C-FLT-1)", async () => {
    await applySpec({ trigger: { fleet: { enabled: true }, unknown_rate: { enabled: true } } });
    await context.bus.kv("live-configs", z.unknown()).put(forecaster, { version: 1 });
    await startTrigger();
    const ask = async () => {
      await context.bus.request("trigger.evaluate", { forecaster }, z.unknown());
      const { detectors } = (await evaluations()).at(-1)!;
      return ["fleet", "unknown_rate"].map((name) => detectors.find(({ detector }) => detector === name)!);
    };
    for (const result of await ask())
      expect(result).toMatchObject({ fired: null, reason: expect.stringContaining("does not answer") });

    const entities = Array.from({ length: 10 }, (_, i) => `web-${i}`);
    await context.bus.publishTelemetry(
      "observation",
      `s-${forecaster}`,
      entities.map((entity) => ({ ts: dayAt(59), entity, values: { value: 1 } })),
      "fleet",
    );
    await context.bus.publishTelemetry(
      "prediction",
      forecaster,
      [...entities, ...entities].map((entity, i) => ({
        issued_at: dayAt(59),
        target_ts: dayAt(60),
        step: 1 + Math.floor(i / 10),
        entity,
        mean: 1,
        lower: 0,
        upper: 2,
        known_entity: i % 10 < 7,
        model_version: "v1",
        latency_ms: 1,
      })),
      "fleet-predictions",
    );
    running.push(await fleetMonitor.start(context));
    const [fleet, unknown] = await until(async () => {
      const results = await ask();
      return results.every(({ fired }) => fired === true) && results;
    });
    expect(fleet).toMatchObject({ severity: "high", figures: { known: 7, new: 3 } });
    expect(unknown).toMatchObject({ severity: "high", figures: { by_time: 0.3 } });
  });
});

async function recorded<T>(filter: string, schema: z.ZodType<T>): Promise<Batch<T>[]> {
  const batches: Batch<T>[] = [];
  for await (const message of context.bus.read("TELEMETRY", { filter }))
    batches.push(telemetryBatch(message, schema, message.time.getTime())!);
  return batches;
}
