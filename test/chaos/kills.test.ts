import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Searched } from "../../shared/contracts/optimizer.ts";
import { commitsByRun, disagreements, terminalSteps } from "../support/agreement.ts";
import { ServiceProcess } from "../support/processes.ts";
import { createWorld, series, testSpec, type World, withSamples } from "../support/world.ts";

const HOUR_MS = 3_600_000;
/** Runs with kills; more by hand: RETUNE_CHAOS_RUNS=50 npx vitest run test/chaos */
const RUNS = Number(process.env.RETUNE_CHAOS_RUNS ?? 4);
const SEED = Number(process.env.RETUNE_CHAOS_SEED ?? 1);
const FORECASTERS = ["calm", "busy"];

/** Mulberry32: the kills of a seed are the same each time, as far as processes are. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe(`each service in its own process, with kill -9 of services and server (K-1, seed ${SEED}, ${RUNS} runs)`, () => {
  let world: World;
  let services: ServiceProcess[];

  beforeAll(async () => {
    const search = {
      ...testSpec("x").search,
      space: { context_length: [96, 192], num_samples: [20, 50], temperature: [0.9, 1, 1.1] },
    };
    world = await createWorld(FORECASTERS.map((forecaster) => testSpec(forecaster, { search })));
    const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    await world.bus.publishTelemetry("observation", "load", series(700, end), "history");
    const { applySpecs, readSpecFiles } = await import("../../shared/spec-files.ts");
    await applySpecs(world.bus, await readSpecFiles(`${world.configs}/forecasters`));
    const names = [
      "inference-buffer",
      "forecaster",
      "trigger",
      "optimizer",
      "optimizer",
      "validator",
      "deployer",
    ];
    services = names.map((name) => new ServiceProcess(name, world.env));
    for (const service of services) service.start();
  }, 60_000);

  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await world[Symbol.asyncDispose]();
  }, 60_000);

  it("two optimizer processes share one search", async () => {
    const run = await world.until("the first run", (runs) => runs.find((each) => each.terminal), 90_000);
    const searched = Searched.parse(run.steps.find(({ step }) => step === "searched")?.data);
    expect(searched.trials).toHaveLength(12);
    expect(new Set(searched.trials.map(({ worker }) => worker)).size).toBe(2);
  }, 120_000);

  it("every run ends in exactly one terminal event, with file, KV and git agreeing", async () => {
    const draw = random(SEED);
    for (let i = 0; i < RUNS; i++) {
      const known = new Set((await world.runs()).keys());
      const forecaster = FORECASTERS[i % FORECASTERS.length]!;
      await world.changeSpec(forecaster, withSamples(60 + i));
      await world.bus.store(
        "retrain.request",
        JSON.stringify({ forecaster, requested_by: `chaos ${i}` }),
        `chaos-${SEED}-${i}`,
      );
      for (let kills = 1 + Math.floor(draw() * 3); kills > 0; kills--) {
        await sleep(draw() * 1_500);
        const victim = Math.floor(draw() * (services.length + 1));
        if (victim === services.length) {
          await world.nats.kill9AndRestart();
          continue;
        }
        await services[victim]!.kill9();
        await sleep(draw() * 300);
        services[victim]!.start();
      }
      const isNew = (id: string) => !known.has(id);
      const logs = () =>
        services
          .map(({ name, running, log }) => `${name}${running ? "" : " (ended)"}: ${log.slice(-400)}`)
          .join("\n");
      await world
        .until(
          `run ${i} of ${forecaster}`,
          (runs) => runs.find((run) => isNew(run.run_id) && run.forecaster === forecaster && run.terminal),
          90_000,
        )
        .catch((error: Error) => {
          throw new Error(`${error.message}\n${logs()}`);
        });
    }
    const runs = [...(await world.runs()).values()];
    const commits = commitsByRun(world);
    for (const run of runs) {
      expect([run.run_id, terminalSteps(run).length]).toEqual([run.run_id, 1]);
      if (run.state === "verified") expect([run.run_id, commits.get(run.run_id)]).toEqual([run.run_id, 1]);
    }
    for (const forecaster of FORECASTERS) expect(await disagreements(world, forecaster)).toEqual([]);
  }, 600_000);

  it("drains on SIGTERM: every service ends by itself with exit code 0", async () => {
    const codes = await Promise.all(services.map(async (service) => [service.name, await service.stop(), service.log.slice(-2_000)]));
    expect(codes).toEqual(services.map(({ name, log }) => [name, 0, log.slice(-2_000)]));
  }, 60_000);
});
