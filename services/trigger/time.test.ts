import { describe, expect, it } from "vitest";
import type { Bus } from "../../shared/bus/bus.ts";
import { VirtualClock } from "../../shared/clock.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { type Accepted, type Refused, TriggerStatus } from "../../shared/contracts/trigger.ts";
import { newEvent } from "../../shared/events.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { TEST_TIME_MS, testContext } from "../../test/support/context.ts";
import { service } from "./main.ts";
import { ArbiterState, initialArbiter, initialMonitor, MonitorState } from "./state.ts";
import {
  applySpec,
  arbiter,
  context,
  forecaster,
  nats,
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

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NIGHTLY = { cron: "0 2 * * *", zone: "UTC" };
const OTHER_STREAM = "2020-01-01T00:00:00Z";

describe("scheduled runs (A-TRG-6, D-SCH-1)", () => {
  it("begin at their time, once, although two processes see to it", async () => {
    await applySpec({ trigger: { schedule: [NIGHTLY] } });
    const other = await testContext(nats, { name: "trigger", clock: new VirtualClock(TEST_TIME_MS) });
    await startTrigger();
    running.unshift(await service.start(other));
    await scheduleSeen();
    for (const night of [0, 1]) {
      const atMs = TEST_TIME_MS + night * DAY_MS + 2 * HOUR_MS;
      await Promise.all([context, other].map(({ clock }) => (clock as VirtualClock).advanceTo(atMs)));
      const accepted = await until(async () => {
        const found = await steps<Accepted>("accepted");
        return found.length > night ? found : undefined;
      });
      expect(accepted).toHaveLength(night + 1);
      expect(accepted[night]).toMatchObject({
        cause: "schedule",
        schedules: [{ ...NIGHTLY, at: new Date(atMs).toISOString() }],
      });
      await publishStep("rejected", accepted[night]!.run_id);
      await until(async () => (await arbiter())?.active === null);
    }
    expect(await steps("refused")).toEqual([]);
    await Promise.all(running.splice(0).map((each) => each.stop()));
    await other[Symbol.asyncDispose]();
  });

  it("missed while nothing ran are caught up once, after the steps that were missed, too", async () => {
    await applySpec({ trigger: { schedule: [NIGHTLY] } });
    await startTrigger();
    await scheduleSeen();
    await advance(2 * HOUR_MS);
    const [first] = await until(async () => nonEmpty(await steps<Accepted>("accepted")));
    await until(async () => (await arbiter())?.active?.run === first!.run_id);
    for (const each of running.splice(0)) await each.stop();
    await publishStep("rejected", first!.run_id);
    await advance(21 * DAY_MS);
    await startTrigger();
    await until(async () => (await steps("accepted")).length === 2);
    expect((await steps<Accepted>("accepted")).at(-1)?.schedules?.[0]?.at).toBe("2025-01-22T02:00:00.000Z");
    await advance(HOUR_MS);
    expect(await steps("accepted")).toHaveLength(2);
    expect(await steps("refused")).toEqual([]);
  });

  it("decided on and not published when the process died are published at the next start", async () => {
    await applySpec({ trigger: { schedule: [NIGHTLY] } });
    const dying = Object.create(context.bus, {
      publishOnce: { value: () => Promise.reject(new Error("killed")) },
    }) as Bus;
    running.push(await service.start({ ...context, bus: dying }));
    await scheduleSeen();
    await advance(2 * HOUR_MS);
    const decided = await until(async () => nonEmpty((await arbiter())?.outbox ?? []));
    for (const each of running.splice(0)) await each.stop();
    expect(await steps("accepted")).toEqual([]);
    await advance(DAY_MS);
    await startTrigger();
    const accepted = await until(async () => nonEmpty(await steps<Accepted>("accepted")));
    expect(accepted.map(({ run_id }) => subjects.step("accepted", forecaster, run_id))).toEqual(
      decided.map(({ subject }) => subject),
    );
  });
});

describe("a run that waits for a window", () => {
  it("is told of by trigger.status, and begins when the window opens", async () => {
    await applySpec({ trigger: { maintenance: [{ from: "06:00", to: "08:00", zone: "UTC" }] } });
    await waits();
    await startTrigger();
    const status = await context.bus.request("trigger.status", { forecaster }, TriggerStatus);
    expect(status.forecasters).toMatchObject([
      {
        forecaster,
        active: null,
        pending: { priority: "low", starts_at: "2025-01-01T06:00:00.000Z" },
        budget: null,
      },
    ]);
    await advance(6 * HOUR_MS);
    const accepted = await until(async () => nonEmpty(await steps<Accepted>("accepted")));
    expect(accepted).toMatchObject([{ cause: "trigger", window: "maintenance" }]);
  });

  it("is dropped when a person took the config back while nothing ran", async () => {
    await applySpec({ trigger: { maintenance: [{ from: "00:00", to: "08:00", zone: "UTC" }] } });
    await waits();
    const run = newUuidV7();
    const data = {
      run_id: run,
      forecaster,
      caused_by: [],
      evidence: { code_version: "test" },
      cause: "manual",
    };
    const type = "dev.retune.retrain.rolled-back";
    const event = newEvent({ source: "test", type, subject: forecaster, timeMs: TEST_TIME_MS, data });
    await context.bus.publishOnce(subjects.step("rolled-back", forecaster, run), event);
    await startTrigger();
    const refused = await until(async () => nonEmpty(await steps<Refused>("refused")));
    expect(refused).toMatchObject([{ reason: "superseded-by-person" }]);
    expect(await steps("accepted")).toEqual([]);
  });

  it("is not asked about for a forecaster that there is none of", async () => {
    await startTrigger();
    await expect(
      context.bus.request("trigger.status", { forecaster: "nobody" }, TriggerStatus),
    ).rejects.toThrow("there is no forecaster 'nobody'");
  });
});

describe("a state of a stream that was created anew since", () => {
  const handled = { floor: 1_000_000_000, ranges: [] };

  it.each([
    ["that it names", OTHER_STREAM],
    ["whose sequences it exceeds, in a state of an older version", null],
  ])("%s, does not keep requests from being answered", async (_, stream_created) => {
    await applySpec();
    const old = { ...initialArbiter(forecaster), stream_created, requests: handled, evaluations: handled };
    await context.bus.kv("states", ArbiterState).put(`arbiter.${forecaster}`, old);
    await startTrigger();
    await request(forecaster);
    await until(async () => (await steps("accepted")).length === 1);
    const { created } = await context.bus.streamState("DECISIONS");
    expect(await arbiter()).toMatchObject({ stream_created: created });
  });

  it("does not keep telemetry from being looked at", async () => {
    await applySpec();
    const old = {
      ...initialMonitor(forecaster),
      stream_created: OTHER_STREAM,
      scores: handled,
      observations: handled,
    };
    const states = context.bus.kv("states", MonitorState);
    await states.put(`trigger.${forecaster}`, old);
    await startTrigger();
    await observe(0, 20);
    await score(0, 20, () => 1);
    await until(async () => {
      const state = (await states.get(`trigger.${forecaster}`))?.value;
      return state?.newest_score !== null && state?.newest_observation !== null;
    });
  });

  it("is noticed while the process runs: sequences begin anew", async () => {
    await applySpec();
    await startTrigger();
    await requestAnew();
    await until(async () => (await steps("accepted")).length === 1);
    // What the process finds is a state of another stream, as if DECISIONS were a new one since its last look.
    const entry = await context.bus.kv("states", ArbiterState).get(`arbiter.${forecaster}`);
    const old = { ...entry!.value, stream_created: OTHER_STREAM, requests: handled };
    await context.bus.kv("states", ArbiterState).put(`arbiter.${forecaster}`, old);
    await requestAnew();
    await until(async () => (await steps("refused")).length === 1);
  });
});

/** The state in which an evaluation of low severity waits since the start; no other is listened to. */
async function waits(): Promise<void> {
  const { created } = await context.bus.streamState("DECISIONS");
  const pending = {
    cause: "trigger",
    priority: "low",
    reasons: ["it is bad"],
    caused_by: [1],
    coalesced: 0,
    since: new Date(TEST_TIME_MS).toISOString(),
    origin: "1",
    stored_at: TEST_TIME_MS,
  } as const;
  const evaluations = { floor: 1_000_000_000, ranges: [] };
  const state = ArbiterState.parse({ forecaster, stream_created: created, pending, evaluations });
  await context.bus.kv("states", ArbiterState).put(`arbiter.${forecaster}`, state);
}

async function scheduleSeen(): Promise<void> {
  await until(async () => Object.keys((await arbiter())?.schedules ?? {}).length > 0);
}

async function advance(byMs: number): Promise<void> {
  await (context.clock as VirtualClock).advanceTo(context.clock.now() + byMs);
}
