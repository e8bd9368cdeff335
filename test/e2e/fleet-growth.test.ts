import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { Prediction, PredictReply } from "../../shared/contracts/telemetry.ts";
import type { Validated } from "../../shared/contracts/validator.ts";
import { readBundle } from "../../shared/forecasting/bundle/bundle.ts";
import { retune, startSystem } from "../support/system.ts";
import { createWorld, testSpec, type World } from "../support/world.ts";

const HOUR_MS = 3_600_000;
const DAY = 24;
const FORECASTER = "fleet-load";
const OLD = Array.from({ length: 15 }, (_, i) => `server-${String(i + 1).padStart(2, "0")}`);
const NEW = Array.from({ length: 5 }, (_, i) => `server-${i + 16}`);
const ALL = [...OLD, ...NEW];
const HORIZON = 6;
/** For a run from accepted to verified, which trains three models. */
const PATIENCE_MS = 120_000;

/** Load of a server in percent: a level and a daily cycle of its own, and noise; the same each time. */
function load(entity: string, hour: number): number {
  const n = ALL.indexOf(entity);
  const noise = Math.sin(12.9898 * (n + 1) * hour + 78.233) * 43_758.5453;
  const cycle = (8 + n / 3) * Math.sin((2 * Math.PI * (hour + 2 * n)) / DAY);
  return 20 + 2.5 * n + cycle + 2 * (noise - Math.floor(noise) - 0.5);
}

const spec = testSpec(FORECASTER, {
  series: "servers",
  entities: "all",
  fleet: { min_history: "7d", min_samples: 168 },
  horizon: `${HORIZON}h`,
  model: { family: "gbdt" },
  trigger: {
    ...{ time: { enabled: false }, performance: { enabled: false }, drift: { enabled: false } },
    ...{ fleet: { enabled: true }, unknown_rate: { enabled: true } },
    // The months between the models of a fleet are seconds here.
    ...{ evaluate_every: "1h", cooldown: "1s" },
  },
  // The seed's criteria, but for the time of a forecast, which is microseconds here, and intervals of a day's hold-out.
  validation: { max_time_ratio: 1e6, min_coverage: 0.8 },
  search: {
    space: {
      context_length: [48],
      temperature: [1],
      model_params: { learning_rate: [0.1, 0.2], rounds: [40] },
    },
    ...{ backtest: "2d", holdout: "1d", step_size: 12, history: "40d" },
  },
});

describe("a fleet that grows, on the real system (Shows 2, C-FLT-1..4, C-TRN-1, C-DEP-1)", () => {
  let world: World;
  let system: Awaited<ReturnType<typeof startSystem>>;
  const end = Math.floor(Date.now() / HOUR_MS);
  vi.setConfig({ testTimeout: PATIENCE_MS });

  /** Hourly telemetry of some servers, as one message a day; `to` is left out. */
  async function observe(names: readonly string[], from: number, to: number): Promise<void> {
    for (let begin = from; begin < to; begin += 10 * DAY) {
      const hours = Array.from({ length: Math.min(10 * DAY, to - begin) }, (_, i) => begin + i);
      const records = hours.flatMap((hour) =>
        names.map((entity) => ({
          ts: new Date(hour * HOUR_MS).toISOString(),
          entity,
          values: { value: load(entity, hour) },
        })),
      );
      await world.bus.publishTelemetry("observation", "servers", records, `${names.length}-${begin}`);
    }
  }

  /** The newest forecast of each server that was issued after an hour. */
  async function forecastsAfter(hour: number): Promise<Map<string, Prediction[]>> {
    const found = new Map<string, Prediction[]>();
    const filter = `telemetry.prediction.${FORECASTER}`;
    for await (const message of world.bus.read("TELEMETRY", { filter }))
      for (const each of z.array(Prediction).parse([message.json()].flat()))
        if (each.issued_at === new Date(hour * HOUR_MS).toISOString())
          found.set(each.entity!, [...(found.get(each.entity!) ?? []), each]);
    return found;
  }

  async function everybodyForecast(hour: number, count: number): Promise<Map<string, Prediction[]>> {
    await expect.poll(async () => (await forecastsAfter(hour)).size, { timeout: 20_000 }).toBe(count);
    return forecastsAfter(hour);
  }

  const live = async () => (await world.bus.kv("live-configs", LiveConfig).get(FORECASTER))!;
  const fleet = async () => {
    const question = { series: "servers" };
    return (await world.bus.request("fleet-monitor.status", question, z.array(FleetStatus)))[0];
  };
  const predict = (payload: object) =>
    world.bus.request(`forecaster.predict.${FORECASTER}`, payload, PredictReply);

  async function vocabulary(): Promise<readonly string[] | undefined> {
    const { artifact } = (await live()).value;
    const path = await world.bus.artifacts.fetch(artifact!);
    return readBundle(await readFile(path), path).info.vocabulary;
  }

  beforeAll(async () => {
    world = await createWorld([spec]);
    await observe(OLD, end - 30 * DAY, end - 9 * DAY);
    system = await startSystem(world);
  });
  afterAll(async () => {
    await system.stop();
    await world[Symbol.asyncDispose]();
  });

  it("gets one global model that knows every server of the fleet", async () => {
    const run = await world.until(
      "the first global model",
      (runs) => runs.find((each) => each.terminal),
      PATIENCE_MS,
    );
    expect(run.steps.map(({ step }) => step)).toEqual(
      expect.arrayContaining(["accepted", "searched", "deployed", "verified"]),
    );
    expect((await live()).value.model).toBe("gbdt");
    expect([...(await vocabulary())!].sort()).toEqual(OLD);
    const forecasts = await everybodyForecast(end - 9 * DAY - 1, OLD.length);
    for (const steps of forecasts.values()) expect(steps.every((each) => each.known_entity)).toBe(true);
  });

  it("forecasts servers that join by the prior, and says that it does not know them", async () => {
    await observe(ALL, end - 9 * DAY, end - 2);
    const forecasts = await everybodyForecast(end - 3, ALL.length);
    await expect.poll(fleet, { timeout: 10_000 }).toMatchObject({ known: 15, new_total: 5 });
    for (const [entity, steps] of forecasts)
      expect([entity, steps.map((each) => each.known_entity)]).toEqual([
        entity,
        Array(HORIZON).fill(OLD.includes(entity)),
      ]);
    await expect(predict({})).rejects.toThrow(/fleet of 20 entities/);
    await expect(predict({ entity: "server-99" })).rejects.toThrow(/'server-99' is unknown/);
  });

  it("notices, trains a new global model with the newcomers in its vocabulary, and swaps it in without a pause", async () => {
    await observe(ALL, end - 2, end - 1);
    let asked = 0;
    let failed = 0;
    let isOver = false;
    const seen: number[] = [];
    const client = (async () => {
      for (; !isOver; asked += 1) {
        const reply = await predict({ entity: ALL[asked % ALL.length]! }).catch(() => undefined);
        if (reply === undefined) failed += 1;
        else seen.push(reply.live_revision);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const second = (runs: Parameters<Parameters<World["until"]>[1]>[0]) =>
      runs.find(
        ({ steps, state, terminal }) => terminal && state !== "refused" && steps[0]?.data.cause === "trigger",
      );
    const run = await world.until("the model of the grown fleet", second, PATIENCE_MS);
    isOver = true;
    await client;
    expect(run.state).toBe("verified");
    const { reasons } = run.steps[0]!.data as unknown as { reasons: string[] };
    expect(reasons.join("; ")).toMatch(/5 new and 0 gone of 15 known entities|for unknown entities/);
    expect([...(await vocabulary())!].sort()).toEqual(ALL);
    const { criteria } = run.steps.find(({ step }) => step === "approved")!.data as unknown as Validated;
    expect(criteria.find(({ name }) => name === "vocabulary")).toMatchObject({ passed: true, value: 1 });
    const { evidence } = run.steps.find(({ step }) => step === "searched")!.data;
    expect(evidence).toMatchObject({ data: { fleet: { entities: 20, left_out: [], left_out_total: 0 } } });
    expect(failed).toBe(0);
    expect(asked).toBeGreaterThan(20);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe((await live()).revision);
  });

  it("from then on knows and forecasts every server, the newcomers no worse than the others (C-VAL-1)", async () => {
    await observe(ALL, end - 1, end);
    const forecasts = await everybodyForecast(end - 1, ALL.length);
    const errors = new Map<string, number>();
    for (const [entity, steps] of forecasts) {
      expect(steps.every((each) => each.known_entity)).toBe(true);
      const off = steps.map(({ mean, step }) => Math.abs(mean - load(entity, end - 1 + step)));
      errors.set(entity, off.reduce((sum, each) => sum + each, 0) / off.length);
    }
    const mean = (names: readonly string[]) =>
      names.reduce((sum, name) => sum + errors.get(name)!, 0) / names.length;
    expect(mean(OLD)).toBeLessThan(6);
    expect(mean(NEW)).toBeLessThan(6);
    await expect.poll(fleet, { timeout: 10_000 }).toMatchObject({ known: 20, new_total: 0, coverage: 1 });
    const { out } = await retune(world, ["status"]);
    expect(out.replaceAll(/\s+/g, " ")).toMatch(
      /fleet-load: 20 entities; largest errors: server-\d\d \(MAE /,
    );
  });
});
