import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { systemClock } from "../../shared/clock.ts";
import { FleetState, FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { ServiceProcess } from "../../test/support/processes.ts";

vi.setConfig({ testTimeout: 60_000 });

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SOON = { timeout: 20_000, interval: 50 };
const ALL = Array.from({ length: 12 }, (_, i) => `s${i}`);

let nats: TestNats;
let context: TestContext;
let monitor: ServiceProcess;

beforeAll(async () => {
  nats = await startTestNats();
  context = await testContext(nats, { clock: systemClock });
  monitor = new ServiceProcess("fleet-monitor", {
    ...process.env,
    NATS_URL: nats.url,
    RETUNE_DATA: context.dirs.data,
    RETUNE_CONFIGS: context.dirs.configs,
    RETUNE_FLEET_SAVE_MS: "50",
    RETUNE_FLEET_OUTAGE_MIN: "3s",
  });
  monitor.start();
});
afterAll(async () => {
  await monitor.stop();
  await context[Symbol.asyncDispose]();
  await nats.stop();
});

function observe(series: string, timeMs: number, entities: readonly string[]): Promise<number> {
  const ts = new Date(timeMs).toISOString();
  const records = entities.map((entity) => ({ ts, entity, values: { cpu: 1 } }));
  return context.bus.publishTelemetry("observation", series, records, newUuidV7());
}

/** Undefined while nobody answers. */
async function status(series: string): Promise<FleetStatus | undefined> {
  const options = { timeoutMs: 2_000 };
  const reply = context.bus.request("fleet-monitor.status", { series }, z.array(FleetStatus), options);
  return (await reply.catch(() => []))[0];
}

async function told(series: string): Promise<string[]> {
  const subjects: string[] = [];
  for await (const { subject } of context.bus.read("DECISIONS", { filter: `alert.*.*.${series}` }))
    subjects.push(subject);
  return subjects;
}

const saved = async (series: string) =>
  (await context.bus.kv("fleet", FleetState).get(series))?.value.figures;

describe("a monitor killed in the middle of an outage", () => {
  it("knows of it when it comes back, tells it once, and tells when it is over", async () => {
    for (let i = 0; i < 25; i += 1) {
      await observe("live", Date.now(), ALL);
      await sleep(200);
    }
    await expect.poll(async () => (await status("live"))?.outage?.reason, SOON).toBe("feed");
    const { since } = (await status("live"))!.outage!;
    await expect.poll(() => told("live"), SOON).toEqual(["alert.raised.fleet-outage.live"]);
    await expect
      .poll(async () => (await saved("live"))?.feed_outage, SOON)
      .toEqual({ since, reason: "feed" });

    await monitor.kill9();
    await nats.kill9AndRestart();
    monitor.start();
    await expect.poll(async () => (await status("live"))?.outage, SOON).toEqual({ since, reason: "feed" });

    await observe("live", Date.now(), ALL);
    await expect.poll(async () => (await status("live"))?.outage, SOON).toBeNull();
    await expect
      .poll(() => told("live"), SOON)
      .toEqual(["alert.raised.fleet-outage.live", "alert.cleared.fleet-outage.live"]);
    await expect
      .poll(async () => (await saved("live"))?.outages, SOON)
      .toMatchObject([{ since, reason: "feed" }]);
  });

  it("retires nobody for two days of a feed that was away while it was, and everybody in time (C-FLT-3)", async () => {
    const start = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 40 * DAY_MS;
    const feed = async (fromHour: number, untilHour: number, entities: readonly string[]) => {
      for (let hour = fromHour; hour < untilHour; hour += 1)
        await observe("past", start + hour * HOUR_MS, entities);
    };
    await feed(0, 24, ALL);
    await feed(24, 30 * 24, ALL.slice(1));
    await expect
      .poll(async () => (await status("past"))?.as_of, SOON)
      .toBe(new Date(start + (30 * 24 - 1) * HOUR_MS).toISOString());
    await monitor.kill9();
    await feed(32 * 24, 32 * 24 + 23, ALL.slice(1)); // as if hours 720 to 767 had not been
    monitor.start();
    const newest = (hour: number) => new Date(start + hour * HOUR_MS).toISOString();
    await expect.poll(async () => (await status("past"))?.as_of, SOON).toBe(newest(32 * 24 + 22));
    // s0 was seen last at hour 23; it is hour 790, of which 48 were an outage: 719 hours of silence.
    expect((await status("past"))?.silent).toMatchObject([{ entity: "s0", state: "sunset-candidate" }]);
    const outages = [{ since: newest(30 * 24), until: newest(32 * 24), reason: "feed" }];
    await expect.poll(async () => (await saved("past"))?.outages, SOON).toEqual(outages);
    await observe("past", start + (32 * 24 + 23) * HOUR_MS, ALL.slice(1));
    await expect
      .poll(async () => (await status("past"))?.silent, SOON)
      .toEqual([{ entity: "s0", state: "sunset", days: 30 }]);
  });
});
