import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { CloudEvent } from "../../shared/contracts/envelope.ts";
import { FleetState, FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { Incident, IncidentsState } from "../../shared/contracts/incidents.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { service } from "./main.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

const SOON = { timeout: 10_000 };
const QUICK = { RETUNE_FLEET_SAVE_MS: "10" };
const at = (days: number) => new Date(Date.parse("2024-06-01T00:00:00Z") + days * 86_400_000).toISOString();
const status = async (context: TestContext, series: string) =>
  (await context.bus.request("fleet-monitor.status", { series }, z.array(FleetStatus)))[0];

async function until(
  context: TestContext,
  series: string,
  holds: (each: FleetStatus) => boolean,
): Promise<FleetStatus> {
  for (let tries = 0; tries < 200; tries++) {
    const each = await status(context, series);
    if (each !== undefined && holds(each)) return each;
    await sleep(20);
  }
  throw new Error(`never came: ${JSON.stringify(await status(context, series))}`);
}

function observe({ bus }: TestContext, series: string, days: number, ...entities: string[]): Promise<number> {
  const records = entities.map((entity) => ({ ts: at(days), entity, values: { cpu: days } }));
  return bus.publishTelemetry("observation", series, records, newUuidV7());
}

function forecast({ bus }: TestContext, known: boolean, ...entities: string[]): Promise<number> {
  const records = entities.map((entity) => ({
    issued_at: at(0),
    target_ts: at(1),
    step: 1,
    entity,
    mean: 1,
    lower: 0,
    upper: 2,
    known_entity: known,
    model_version: "v1",
    latency_ms: 1,
  }));
  return bus.publishTelemetry("prediction", "f1", records, newUuidV7());
}

async function spec({ bus }: TestContext, series: string, changes: object = {}): Promise<void> {
  const value = ForecasterSpec.parse({ forecaster: "f1", series, horizon: "1d", ...changes });
  await bus.kv("specs", ForecasterSpec).put("f1", value);
}

async function alerts({ bus }: TestContext, about: string): Promise<string[]> {
  const told: string[] = [];
  for await (const message of bus.read("DECISIONS", { filter: `alert.*.*.${about}` })) {
    const { severity } = (CloudEvent.parse(message.json()).data ?? {}) as { severity?: string };
    told.push(`${message.subject.split(".").slice(1, 3).join(" ")} ${severity}`);
  }
  return told;
}

describe("fleet-monitor", () => {
  it("follows telemetry, saves what it knows, and goes on from there after a restart", async () => {
    await using context = await testContext(nats);
    const { bus } = context;
    await spec(context, "racks");
    let running = await service.start(context);
    await observe(context, "racks", 0, "a", "b.*>", "c");
    await forecast(context, true, "a", "b.*>");
    await forecast(context, false, "c");
    await bus.store("telemetry.observation.racks", "{broken", "broken");
    await bus.publishTelemetry(
      "observation",
      "racks",
      [
        { ts: "2999-01-01T00:00:00Z", entity: "from the future", values: { cpu: 1 } },
        { ts: at(0), entity: "x".repeat(201), values: { cpu: 1 } },
      ],
      "future",
    );
    expect(await until(context, "racks", ({ predictions }) => predictions.by_time === 3)).toMatchObject({
      series: "racks",
      as_of: at(0),
      seen: 3,
      new: ["c"],
      silent: [],
      drift: 0.5,
      tier: "high",
      unknown_rate: 1 / 3,
      unknown_tier: null, // of three predictions nobody can tell
      outage: null,
      renames: [],
      coverage: 2 / 3,
      uncovered: ["c"],
    });
    await running.stop();
    const saved = await bus.kv("fleet", FleetState).get("racks");
    expect(saved?.value.members.find(([name]) => name === "b.*>")?.slice(1, 4)).toEqual([
      Date.parse(at(0)),
      Date.parse(at(0)),
      1,
    ]);

    await observe(context, "racks", 8, "a");
    running = await service.start(context);
    expect(await until(context, "racks", ({ silent }) => silent.length > 0)).toMatchObject({
      seen: 3,
      new: [],
      unknown_rate: 1 / 3,
      drift: 0,
      tier: "none",
      silent: [
        { entity: "b.*>", state: "sunset-candidate", days: 8 },
        { entity: "c", state: "sunset-candidate", days: 8 },
      ],
    });
    await running.stop();
  });

  it("lets two monitors run side by side, which tell an alert once", async () => {
    await using context = await testContext(nats, { env: QUICK });
    const both = [await service.start(context), await service.start(context)];
    for (let n = 0; n < 20; n++) {
      await observe(context, "pair", n, `e${n % 3}`);
      await sleep(5);
    }
    await until(context, "pair", ({ seen }) => seen === 3);
    await expect.poll(() => alerts(context, "pair"), SOON).toContain("raised fleet-silent low");
    for (const each of both) await each.stop();
    expect(context.log.lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
    expect((await alerts(context, "pair")).filter((each) => each.startsWith("raised"))).toHaveLength(1);
    const saved = await context.bus.kv("fleet", FleetState).get("pair");
    expect(saved?.value.members.find(([name]) => name === "e1")?.[2]).toBe(Date.parse(at(19)));
  });

  it("tells yellow and red alerts, and when they are over (C-OPS-1)", async () => {
    await using context = await testContext(nats, { env: QUICK });
    await spec(context, "tiers");
    const running = await service.start(context);
    await observe(context, "tiers", 0, "a", "b", "c", "d", "e");
    await forecast(context, true, "a", "b", "c", "d");
    const told = () => alerts(context, "tiers");
    await expect.poll(told, SOON).toEqual(["raised fleet-drift medium"]);
    await observe(context, "tiers", 0, "f");
    await expect.poll(told, SOON).toEqual(["raised fleet-drift medium", "raised fleet-drift high"]);
    await forecast(context, true, "e", "f", ...Array<string>(16).fill("a"));
    await expect.poll(async () => (await told()).at(-1), SOON).toBe("cleared fleet-drift high");
    await forecast(context, false, ...Array<string>(4).fill("f"));
    await expect.poll(async () => (await told()).slice(3), SOON).toContain("raised fleet-unknown high");
    await running.stop();
  });

  it("takes a confirmed rename from DECISIONS, also after a restart, and takes it back (C-FLT-1)", async () => {
    await using context = await testContext(nats, { env: QUICK });
    await spec(context, "moved");
    let running = await service.start(context);
    await observe(context, "moved", 0, "web-1", "b");
    await forecast(context, true, "web-1", "b");
    await observe(context, "moved", 31, "web-2", "b");
    await until(context, "moved", ({ drift }) => drift === 1);
    const rename = (request: object) =>
      context.bus.request("fleet-monitor.rename", request, z.object({ sequence: z.int() }));
    const request = { series: "moved", from: "web-1", to: "web-2", by: "ana" };
    await expect(rename({ ...request, from: "web-0" })).rejects.toThrow(/'from' is "web-0".*'moved'/);
    await expect(rename({ ...request, by: "" })).rejects.toThrow(/'by'/);
    await rename(request);
    await until(context, "moved", ({ drift, renamed }) => drift === 0 && renamed[0]?.to === "web-2");
    await running.stop();
    running = await service.start(context);
    await until(context, "moved", ({ drift }) => drift === 0);
    await rename({ ...request, revoke: true });
    await until(context, "moved", ({ drift }) => drift === 1);
    await running.stop();
  });

  it("counts neither incidents nor maintenance windows as silence", async () => {
    await using context = await testContext(nats, { env: QUICK });
    await spec(context, "kept");
    const running = await service.start(context);
    await observe(context, "kept", 0, "a", "b"); // a Saturday
    await observe(context, "kept", 2, "b");
    const days = async () => (await status(context, "kept"))?.silent.map((each) => each.days);
    await expect.poll(days, SOON).toEqual([2]);
    const maintenance = [{ days: ["sun"], from: "00:00", to: "06:00" }];
    await spec(context, "kept", { trigger: { maintenance } });
    await expect.poll(days, SOON).toEqual([1.75]);
    const incident = Incident.parse({
      incident: "i1",
      scope: { series: "kept" },
      from: at(1),
      to: at(1.5),
      reason: "move",
      by: "ana",
      events: [],
    });
    await context.bus
      .kv("states", IncidentsState)
      .put("incidents.kept", { target: "kept", incidents: [incident], last_sequence: 1 });
    await expect.poll(days, SOON).toEqual([1.5]);
    await running.stop();
  });

  it("starts over where its state cannot be read, and writes it anew", async () => {
    await using context = await testContext(nats, { env: QUICK });
    const broken = z.object({ series: z.string(), entities: z.object({}) });
    await context.bus.kv("fleet", broken).put("ruin", { series: "ruin", entities: {} });
    await observe(context, "ruin", 0, "a");
    const running = await service.start(context);
    await until(context, "ruin", ({ seen }) => seen === 1);
    const saved = () => context.bus.kv("fleet", FleetState).get("ruin");
    await expect.poll(async () => (await saved().catch(() => undefined))?.value.members.length, SOON).toBe(1);
    await running.stop();
  });

  it("names the field of a request that is none", async () => {
    await using context = await testContext(nats);
    const running = await service.start(context);
    await expect(status(context, "no token")).rejects.toThrow(/series/);
    await running.stop();
  });
});
