import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import type { Accepted, Refused } from "../../shared/contracts/trigger.ts";
import { newEvent } from "../../shared/events.ts";
import { TEST_TIME_MS, testContext } from "../../test/support/context.ts";
import { decideRequests } from "./arbiter/arbiter.ts";
import { service } from "./main.ts";
import { ArbiterState, initialArbiter, StoredRun } from "./state.ts";
import {
  applySpec,
  arbiter,
  context,
  forecaster,
  hang,
  idle,
  nats,
  nonEmpty,
  publishStep,
  request,
  requestAnew,
  running,
  setEnv,
  startTrigger,
  steps,
  until,
  useTrigger,
} from "./trigger.fixture.ts";

useTrigger();

describe("requests of people (K-4)", () => {
  it("ten thousand copies of one give one run, which says how many it answers (Shows 2)", async () => {
    await applySpec();
    const payload = JSON.stringify({ forecaster, requested_by: "ops" });
    const send = (i: number) => context.bus.store("retrain.request", payload, `${forecaster}-${i}`);
    for (let sent = 0; sent < 10_000; sent += 500)
      await Promise.all(Array.from({ length: 500 }, (_, i) => send(sent + i)));
    await startTrigger();
    await idle();
    const accepted = await steps<Accepted>("accepted");
    expect(accepted).toHaveLength(1);
    expect(accepted[0]).toMatchObject({ cause: "manual", action: "search", requested_by: "ops" });
    expect(accepted[0]!.caused_by.length).toBeLessThanOrEqual(100);
    const refused = await steps<Refused>("refused");
    expect(refused.length).toBeLessThan(100);
    expect(
      refused.every(
        ({ reason, active_run }) => reason === "run-active" && active_run === accepted[0]!.run_id,
      ),
    ).toBe(true);
    const told = [...accepted, ...refused].reduce((sum, { coalesced }) => sum + coalesced + 1, 0);
    expect(told).toBe(10_000);
  }, 30_000);

  it("a malformed one becomes a dead letter that says why, and the loop goes on", async () => {
    await applySpec();
    await startTrigger();
    const sequence = await context.bus.store("retrain.request", '{"forecaster":', randomUUID());
    await request(forecaster);
    await until(async () => (await steps("accepted")).length === 1);
    const letter = await until(() =>
      context.bus.lastMessage(
        "DECISIONS",
        subjects.alert("raised", "dead-letter", `DECISIONS-trigger-requests-${sequence}`),
      ),
    );
    const { data } = letter.json() as CloudEvent<{ error: string; payload: string }>;
    expect(data.error).toContain("payload on 'retrain.request' is no JSON");
    expect(Buffer.from(data.payload, "base64").toString()).toBe('{"forecaster":');
  });

  it("for nobody are refused, and one for everybody leaves disabled forecasters alone", async () => {
    await applySpec({ enabled: false });
    await startTrigger();
    const unknown = `${forecaster}-unknown`;
    await request(`"${unknown}"`);
    await request("");
    await request(JSON.stringify([{ forecaster, reason: "please" }]));
    await until(
      async () => (await steps("refused")).length === 1 && (await steps("refused", unknown)).length === 1,
    );
    expect((await steps<Refused>("refused", unknown))[0]).toMatchObject({ reason: "unknown-forecaster" });
    expect((await steps<Refused>("refused"))[0]).toMatchObject({ reason: "disabled", coalesced: 0 });
    expect(await steps("accepted")).toEqual([]);
  });

  it("two trigger processes accept one run of many requests", async () => {
    await applySpec();
    const other = await testContext(nats, { name: "trigger" });
    await startTrigger();
    running.unshift(await service.start(other));
    await Promise.all(Array.from({ length: 200 }, () => request(forecaster)));
    await idle();
    expect(await steps("accepted")).toHaveLength(1);
    await Promise.all(running.splice(0).map((each) => each.stop()));
    await other[Symbol.asyncDispose]();
  });

  it("a run that was decided and not published when the process died is published at the next start", async () => {
    const spec = await applySpec();
    const evidence = { code_version: "test", spec_revision: 1 };
    const asked = { sequence: 1, storedMs: TEST_TIME_MS, request: { action: "search" as const } };
    const decision = decideRequests(initialArbiter(forecaster), [asked], {
      spec,
      atMs: TEST_TIME_MS,
      machineMs: TEST_TIME_MS,
      evidence,
    });
    const [{ data }] = decision.events as [(typeof decision.events)[number]];
    const event = newEvent({
      source: "retune/trigger/dead",
      type: "dev.retune.retrain.accepted",
      subject: forecaster,
      timeMs: TEST_TIME_MS,
      data,
    });
    const outbox = [{ subject: subjects.step("accepted", forecaster, data.run_id), event }];
    await context.bus
      .kv("states", ArbiterState)
      .create(`arbiter.${forecaster}`, { ...decision.state, outbox });
    await startTrigger();
    await until(async () => (await steps("accepted")).length === 1);
    expect((await steps<Accepted>("accepted"))[0]!.run_id).toBe(data.run_id);
    expect((await arbiter())?.outbox).toEqual([]);
  });
});

describe("the life of a run", () => {
  it("is folded into bucket runs; its end lets the next one in", async () => {
    await applySpec();
    await startTrigger();
    await request(forecaster);
    const [first] = await until(async () => nonEmpty(await steps<Accepted>("accepted")));
    await publishStep("rejected", first!.run_id);
    await until(async () => (await arbiter())?.active === null);
    const run = await until(async () => {
      const stored = await context.bus.kv("runs", StoredRun).get(first!.run_id);
      return stored?.value.terminal ? stored.value : undefined;
    });
    expect(run.steps.map(({ step }) => step)).toEqual(["accepted", "rejected"]);
    await requestAnew();
    await until(async () => (await steps("accepted")).length === 2);
  });

  it("that hangs is failed in the stage it hangs in, and only once", async () => {
    await applySpec({ search: { time_limit: "1ms", fallback: { time_limit: "1ms" } } });
    setEnv({ RETUNE_RUN_TIMEOUT: "1ms" });
    const hanging = await hang();
    await startTrigger();
    const failed = await until(async () =>
      nonEmpty(await steps<{ stage: string; run_id: string }>("failed")),
    );
    expect(failed).toMatchObject([{ run_id: hanging, stage: "search" }]);
    await until(async () => (await arbiter())?.active === null);
  });
});
