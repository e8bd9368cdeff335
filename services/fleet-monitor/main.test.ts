import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { FleetState, FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { service } from "./main.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

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

describe("fleet-monitor", () => {
  it("follows telemetry, saves what it knows, and goes on from there after a restart", async () => {
    await using context = await testContext(nats);
    const { bus } = context;
    await bus
      .kv("specs", ForecasterSpec)
      .put("f1", ForecasterSpec.parse({ forecaster: "f1", series: "racks", horizon: "1d" }));
    let running = await service.start(context);
    const observe = (n: number, days: number, ...entities: string[]) =>
      bus.publishTelemetry(
        "observation",
        "racks",
        entities.map((entity) => ({ ts: at(days), entity, values: { cpu: n } })),
        `o-${n}`,
      );
    const forecast = (n: number, entity: string, known: boolean) =>
      bus.publishTelemetry(
        "prediction",
        "f1",
        [
          {
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
          },
        ],
        `p-${n}`,
      );
    await observe(1, 0, "a", "b.*>", "c");
    await forecast(1, "a", true);
    await forecast(2, "b.*>", true);
    await forecast(3, "c", false);
    await bus.store("telemetry.observation.racks", "{broken", "broken");
    await bus.publishTelemetry(
      "observation",
      "racks",
      [{ ts: "2999-01-01T00:00:00Z", entity: "from the future", values: { cpu: 1 } }],
      "future",
    );
    expect(
      await until(context, "racks", ({ unknown_rate }) => unknown_rate !== null && unknown_rate < 0.5),
    ).toEqual({
      series: "racks",
      seen: 3,
      new: ["c"],
      silent: [],
      drift: 0.5,
      unknown_rate: 1 / 3,
    });
    await running.stop();
    const saved = await bus.kv("fleet", FleetState).get("racks");
    expect(saved?.value.entities["b.*>"]).toMatchObject({ known: true, first_seen: at(0) });

    await observe(2, 8, "a");
    running = await service.start(context);
    expect(await until(context, "racks", ({ silent }) => silent.length > 0)).toEqual({
      series: "racks",
      seen: 3,
      new: [],
      unknown_rate: 1 / 3,
      drift: 0,
      silent: [
        { entity: "b.*>", state: "sunset-candidate", days: 8 },
        { entity: "c", state: "sunset-candidate", days: 8 },
      ],
    });
    await running.stop();
  });

  it("lets two monitors run side by side", async () => {
    await using context = await testContext(nats, { env: { RETUNE_FLEET_SAVE_MS: "10" } });
    const both = [await service.start(context), await service.start(context)];
    for (let n = 0; n < 20; n++) {
      await context.bus.publishTelemetry(
        "observation",
        "pair",
        [{ ts: at(n), entity: `e${n % 3}`, values: { cpu: n } }],
        `pair-${n}`,
      );
      await sleep(5);
    }
    await until(context, "pair", ({ seen }) => seen === 3);
    for (const each of both) await each.stop();
    expect(context.log.lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
    const saved = await context.bus.kv("fleet", FleetState).get("pair");
    expect(saved?.value.entities.e1).toMatchObject({ last_seen: at(19) });
  });

  it("names the field of a request that is none", async () => {
    await using context = await testContext(nats);
    const running = await service.start(context);
    await expect(status(context, "no token")).rejects.toThrow(/series/);
    await running.stop();
  });
});
