import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveConfig } from "../../../shared/contracts/live-config.ts";
import { type TestContext, testContext } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import type { RunDetails } from "../projection/view.ts";
import { startConsole } from "../service.ts";
import { publishHealth, publishHistory, publishRun, putSpec } from "../testing/publish.ts";
import { type RunningConsole, runConsole, until } from "../testing/running.ts";
import {
  detector,
  evaluatedEvent,
  liveConfig,
  RunScript,
  START_MS,
  spec,
  timing,
} from "../testing/samples.ts";
import { serverEvents } from "../testing/sse.ts";

const ID = "eurusd-7d";
const NASTY = `<img src=x onerror="alert(1)">\u001b[2J`;

let nats: TestNats;
let console_: RunningConsole;
let trigger: TestContext;
let rejected: RunScript;

beforeAll(async () => {
  nats = await startTestNats();
  await using early = await testContext(nats);
  // What was there before the console is there after it has caught up.
  await putSpec(early.bus, spec(ID, { description: NASTY }));
  await publishHistory(early.bus, spec(ID), START_MS, 30, 5);
  const first = new RunScript(ID, "first").accepted().searched().verdict("approved").deployed(1).verified(1);
  await publishRun(early.bus, first);
  await early.bus.kv("live-configs", LiveConfig).put(ID, liveConfig(ID, 1, first.run));
  const cause = await early.bus.publishEvent(`retrain.evaluated.${ID}`, evaluatedEvent(ID, [detector()]));
  rejected = new RunScript(ID, "second", START_MS + 86_400_000)
    .accepted({ reasons: [NASTY] }, [cause])
    .searched()
    .verdict("rejected");
  await publishRun(early.bus, rejected);
  await publishHealth(early.bus, ID, { status: "degraded", error: NASTY });
  trigger = await testContext(nats);
  const waits = timing(ID);
  const pending = { ...waits.pending!, since: "2025-03-10T00:00:00.000Z" };
  await trigger.bus.serve({
    name: "trigger",
    description: "answers as the test has it",
    version: "1.0.0",
    endpoints: {
      "trigger.status": async () => ({ at: pending.since, forecasters: [{ ...waits, pending }] }),
    },
  });
  console_ = await runConsole(nats);
  await until(
    () => console_.get("/readyz"),
    (response) => response.status === 200,
  );
});

afterAll(async () => {
  await console_?.[Symbol.asyncDispose]();
  await trigger?.[Symbol.asyncDispose]();
  await nats?.stop();
});

describe("the console over HTTP", () => {
  it("answers /status with all the streams have said", async () => {
    const { top, forecasters, runs, log } = await console_.json("/status");
    expect(top).toMatchObject({
      ready: true,
      counts: { runs: 2, deployments: 1, rejected: 1, rollbacks: 0, evaluations: 1 },
    });
    expect(forecasters).toHaveLength(1);
    expect(forecasters[0]).toMatchObject({
      id: ID,
      state: "degraded",
      live: { version: 1 },
      accuracy: { targets: 10 },
    });
    expect(forecasters[0]?.chart.truth.t).toHaveLength(30);
    expect(forecasters[0]?.chart.forecast?.mean).toHaveLength(5);
    expect(runs.map((run) => run.state)).toEqual(["rejected", "verified"]);
    expect(log).toHaveLength(9);
  });

  it("asks the trigger what waits, and shows it on the card", async () => {
    const { forecasters } = await until(
      () => console_.json("/status"),
      ({ forecasters: all }) => all[0]!.notes.length > 0,
    );
    expect(forecasters[0]?.notes).toEqual([
      { kind: "waiting", text: expect.stringMatching(/^a triggered run/), title: null },
    ]);
  });

  it("answers the details of a run with its explanation, trials and criteria", async () => {
    const details = await console_.json<RunDetails>(`/api/runs/${rejected.run}`);
    expect(details.explanation.headline).toBe("eurusd-7d: rejected: RMSE improved 0.4 %, needed 5 %.");
    expect(details.explanation.sections[0]?.lines.join(" ")).toContain("rmse recent 0.0105");
    expect(details.trials.map((trial) => trial.rmse)).toEqual([0.0079, 0.0083, null]);
    expect(details.trials[0]).toMatchObject({ model: "chronos-bolt", context_length: 180, chosen: true });
    expect(details.criteria[0]).toMatchObject({ name: "improvement", passed: false, value: 0.004 });
  });

  it.each([
    ["/api/runs/nope", 404, "no run has the id 'nope'"],
    ["/api/runs/0195594d-6800-776f-bdd7-000000000000", 404, "no run has the id"],
    ["/api/forecasters/nope", 404, "no forecaster is called 'nope'"],
    ["/nothing", 404, "nothing is at /nothing"],
    ["/..%2f..%2fpackage.json", 404, "nothing is at"],
  ])("answers %s with %i and says why", async (path, status, words) => {
    const response = await console_.get(path);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: string }).error).toContain(words);
  });

  it("answers one forecaster, health and metrics", async () => {
    expect(await console_.json(`/api/forecasters/${ID}`)).toMatchObject({ id: ID, series: "eurusd" });
    expect(await console_.json("/healthz")).toEqual({ ok: true });
    const metrics = await (await console_.get("/metrics")).text();
    expect(metrics).toContain('retune_runs_total{forecaster="eurusd-7d",outcome="rejected"} 1');
    expect(metrics).toContain('retune_live_version{forecaster="eurusd-7d"} 1');
    expect(metrics).toContain("retune_rollbacks_total 0");
    expect(metrics).toMatch(/retune_rmse_ratio_last_value\{forecaster="eurusd-7d"\} \d/);
    expect(metrics).toContain("process_cpu_seconds_total");
    // Asked twice, counters do not count twice.
    expect(await (await console_.get("/metrics")).text()).toContain("retune_optimizations_total 2");
  });

  it("sends text of others only as JSON that no browser takes for a page, without control characters", async () => {
    const response = await console_.get("/status");
    const text = await response.text();
    expect(text).toContain("<img src=x onerror=");
    expect(text).not.toContain("\\u001b");
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toContain(
      "default-src 'none'; script-src 'self'",
    );
  });

  it("answers what people wrote by hand into DECISIONS: no time, no run, no error", async () => {
    const { bus } = console_.context;
    const { run } = new RunScript(ID, "by hand");
    const before = await console_.json("/status");
    await bus.store("retrain.request", JSON.stringify({ forecaster: ID, time: "noon" }), "by hand 1");
    await bus.store(`retrain.accepted.${ID}.${run}`, JSON.stringify({ data: {} }), "by hand 2");
    const status = await until(
      () => console_.json("/status"),
      ({ log }) => log.length === before.log.length + 2,
    );
    expect(status.top.time).toBe(before.top.time);
    expect((await console_.get(`/api/runs/${run}`)).status).toBe(404);
  });

  it("answers HEAD /events without a stream, so that it takes no reader's place", async () => {
    const url = new URL("/events", console_.address);
    for (let i = 0; i < 100; i += 1) {
      const head = await fetch(url, { method: "HEAD" });
      expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    }
    const leaving = new AbortController();
    const reader = await fetch(url, { signal: leaving.signal });
    leaving.abort();
    expect(reader.status).toBe(200);
  });

  it("streams a snapshot, then a patch for what happens, and another snapshot to whoever reconnects", async () => {
    const leaving = new AbortController();
    const events = serverEvents(new URL("/events", console_.address).href, leaving.signal);
    const first = (await events.next()).value!;
    expect(first.event).toBe("snapshot");
    const known = first.data?.runs?.length ?? 0;
    const script = new RunScript(ID, "third", START_MS + 2 * 86_400_000).accepted();
    await publishRun(console_.context.bus, script);
    let patch = (await events.next()).value!;
    while (patch.data?.runs === undefined) patch = (await events.next()).value!;
    expect(patch.event).toBe("patch");
    expect(patch.data?.runs).toHaveLength(1);
    expect(patch.data?.runs?.[0]).toMatchObject({ run_id: script.run, state: "accepted" });
    expect(patch.data?.forecasters?.[0]?.state).toBe("searching");
    leaving.abort();
    await events.next().catch(() => {});

    const again = new AbortController();
    const reconnected = serverEvents(new URL("/events", console_.address).href, again.signal);
    expect((await reconnected.next()).value?.data?.runs).toHaveLength(known + 1);
    again.abort();
    await reconnected.next().catch(() => {});
  });

  it("shows progress and the demo's words as they are said", async () => {
    const { bus } = console_.context;
    const script = new RunScript(ID, "third", START_MS + 2 * 86_400_000).accepted();
    const progress = {
      run_id: script.run,
      forecaster: ID,
      phase: "search",
      done: 4,
      total: 27,
      best_rmse: 0.008,
      time: new Date(START_MS).toISOString(),
    };
    bus.publishCore(`progress.${ID}.${script.run}`, progress);
    bus.publishCore("demo.status", {
      virtual_time: "2025-06-01T00:00:00Z",
      sentence: "A trigger fired.",
      next_command: "retune status",
      progress: 0.4,
    });
    const status = await until(
      () => console_.json("/status"),
      ({ top }) => top.demo !== null,
    );
    expect(status.top).toMatchObject({
      sentence: "A trigger fired.",
      next_command: "retune status",
      demo: { progress: 0.4 },
    });
    expect(status.forecasters[0]?.progress).toMatchObject({ done: 4, total: 27 });
  });
});

describe("starting and stopping the console", () => {
  it("is not healthy while a service of its process has a lasting problem, which it names", async () => {
    console_.context.reportHealth("disk", "no room left");
    const response = await console_.get("/healthz");
    expect([response.status, await response.json()]).toEqual([
      503,
      { ok: false, problems: { disk: "no room left" } },
    ]);
    console_.context.reportHealth("disk", null);
    expect((await console_.get("/healthz")).status).toBe(200);
  });

  it("names the port that is taken and how to choose another", async () => {
    const { port } = new URL(console_.address);
    await using context = await testContext(nats, { env: { RETUNE_PORT: port } });
    await expect(startConsole(context)).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use already; choose another with RETUNE_PORT=9001`,
    );
  });

  it("refuses a port that is none", async () => {
    await using context = await testContext(nats, { env: { RETUNE_PORT: "many" } });
    await expect(startConsole(context)).rejects.toThrow(
      'environment variable RETUNE_PORT is "many": expected a port number',
    );
  });

  it("is not ready while NATS is away, and ready again when it is back, knowing what happened since", async () => {
    await using own = await startTestNats();
    await using running = await runConsole(own);
    await putSpec(running.context.bus, spec(ID));
    expect((await running.get("/readyz")).status).toBe(200);
    await own.restart();
    await until(
      () => running.get("/readyz"),
      (response) => response.status === 200,
    );
    await publishRun(running.context.bus, new RunScript(ID, "after").accepted());
    await until(
      () => running.json("/status"),
      ({ runs }) => runs.length === 1,
    );
  });

  it("closes its event streams when it stops", async () => {
    const running = await runConsole(nats);
    const events = serverEvents(new URL("/events", running.address).href, AbortSignal.timeout(60_000));
    expect((await events.next()).value?.event).toBe("snapshot");
    await running[Symbol.asyncDispose]();
    for (;;) if ((await events.next().catch(() => ({ done: true }))).done) break;
    await expect(fetch(running.address)).rejects.toThrow();
  });
});
