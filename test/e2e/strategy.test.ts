import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { PredictReply } from "../../shared/contracts/telemetry.ts";
import { gaussian } from "../../shared/strategy/market.fixture.ts";
import { retune, startSystem } from "../support/system.ts";
import { createWorld, testSpec, type World } from "../support/world.ts";

const HOUR_MS = 3_600_000;
const HOURS = 900;
const FORECASTER = "coin";

/** Hourly prices with a cycle of a day, which a seasonal forecast knows, about a random walk. */
function prices(end: number) {
  let walk = 0;
  return Array.from({ length: HOURS }, (_, t) => {
    walk += 0.001 * gaussian(1, t);
    const value = 100 * Math.exp(walk + 0.02 * Math.sin((2 * Math.PI * t) / 24));
    return { ts: new Date(end - (HOURS - 1 - t) * HOUR_MS).toISOString(), values: { value } };
  });
}

describe("how forecasts are traded, in the closed loop (B-STR-1, B-RSK-1)", () => {
  let world: World;
  let system: Awaited<ReturnType<typeof startSystem>>;

  beforeAll(async () => {
    const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    const strategy = {
      // So careful that it leaves most of the cycle alone.
      parameters: { sides: "both", confidence_threshold: 0.99, stop_loss: 0.002 },
      ...{ history: "30d", holdout: "10d", trials: 30, min_trades: 3 },
    };
    const search = { space: { context_length: [96] }, backtest: "2d", step_size: 6, history: "30d" };
    world = await createWorld([
      testSpec(FORECASTER, { model: { family: "seasonal-naive" }, search, strategy }),
    ]);
    await world.bus.publishTelemetry("observation", "load", prices(end), "history");
    system = await startSystem(world);
    await world.until("a first deployment", (runs) => runs.find(({ terminal }) => terminal));
  });
  afterAll(async () => {
    await system.stop();
    await world[Symbol.asyncDispose]();
  });

  const live = async () => (await world.bus.kv("live-configs", LiveConfig).get(FORECASTER))!.value;

  it("is tuned, proved on held-out prices, deployed and watched, while the model serves on", async () => {
    const before = await live();
    expect(before.strategy).toBeUndefined();
    const run = await world.request(JSON.stringify({ forecaster: FORECASTER, action: "strategy" }));
    expect(run.steps.map(({ step }) => step)).toEqual([
      "accepted",
      "searched",
      "approved",
      "deployed",
      "verified",
    ]);
    const after = await live();
    const { strategy, version, run_id, timestamp, ...rest } = after;
    expect(strategy).toMatchObject({ sides: "both", confidence_threshold: expect.any(Number) });
    const { search_iterations, optimization_time_seconds, ...kept } = rest;
    expect(before).toMatchObject(kept);
    expect(search_iterations).toBe(30);
    expect(optimization_time_seconds).toBeGreaterThan(0);
    expect([version, run_id]).toEqual([2, run.run_id]);
    expect(timestamp > before.timestamp).toBe(true);
    await expect
      .poll(async () => {
        const reply = await world.bus.request(`forecaster.predict.${FORECASTER}`, undefined, PredictReply);
        return reply.predictions[0]!.model_version;
      })
      .toBe("v2");

    const why = await retune(world, ["why", run.run_id]);
    expect(why.code, why.err).toBe(0);
    for (const said of [
      /30 strategies on the live model's \d+ forecasts of 6 steps ahead/,
      /In force: long and short from 0\.99, size 1, stop loss 0\.2 %/,
      /pass improvement: sharpe on the held-out prices/,
      /pass luck: chance that its gain over the present parameters is luck/,
      /Held out, buy-and-hold: return/,
    ])
      expect(why.out.replaceAll(/\s+/g, " ")).toMatch(said);
  });

  it("goes back with a roll-back, and stays as it is when the model is changed", async () => {
    const { strategy } = await live();
    const { code, err } = await retune(world, ["rollback", FORECASTER]);
    expect(code, err).toBe(0);
    expect(await live()).toMatchObject({ version: 3 });
    expect((await live()).strategy).toBeUndefined();

    const again = await world.request(JSON.stringify({ forecaster: FORECASTER, action: "strategy" }));
    expect(again.state).toBe("verified");
    await world.changeSpec(FORECASTER, (spec) => ({
      ...spec,
      search: { ...spec.search, space: { ...spec.search.space, context_length: [120] } },
    }));
    const searched = await world.request(JSON.stringify({ forecaster: FORECASTER, action: "search" }));
    expect(searched.state).toBe("verified");
    expect(await live()).toMatchObject({ context_length: 120, strategy, version: 5 });
  });

  it("ends once, however the nats-server is killed in the middle of it (B-SYS-1)", async () => {
    await world.changeSpec(FORECASTER, (spec) => ({
      ...spec,
      strategy: { ...spec.strategy!, sampler: "random", trials: 300 },
    }));
    const forecast = Promise.withResolvers<void>();
    const progress = world.bus.subscribeCore(`progress.${FORECASTER}.>`, () => forecast.resolve());
    await progress.ready;
    const asked = world.request(JSON.stringify({ forecaster: FORECASTER, action: "strategy" }));
    await forecast.promise;
    progress.stop();
    await world.nats.kill9AndRestart();
    const run = await asked;
    const steps = run.steps.map(({ step }) => step);
    expect(steps.slice(0, 2)).toEqual(["accepted", "searched"]);
    expect(steps).toEqual([...new Set(steps)]);
    expect(["verified", "rejected"]).toContain(run.state);
  });
});
