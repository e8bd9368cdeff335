import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Searched } from "../../shared/contracts/optimizer.ts";
import type { RunSummary } from "../../shared/contracts/run.ts";
import { Prediction } from "../../shared/contracts/telemetry.ts";
import { rows } from "../../shared/history/duckdb.ts";
import { History } from "../../shared/history/history.ts";
import { commitsByRun, disagreements, terminalSteps } from "../support/agreement.ts";
import { ServiceProcess } from "../support/processes.ts";
import { seeded } from "../support/seeded.ts";
import { createWorld, series, testSpec, type World, withSamples } from "../support/world.ts";

const HOUR_MS = 3_600_000;
/** Runs with kills; more by hand: RETUNE_CHAOS_RUNS=50 npx vitest run test/chaos */
const RUNS = Number(process.env.RETUNE_CHAOS_RUNS ?? 4);
const SEED = Number(process.env.RETUNE_CHAOS_SEED ?? 1);
/** With it, every other victim is frozen for so long instead: RETUNE_CHAOS_FREEZE_MS=12000 outlives the ack waits. */
const FREEZE_MS = Number(process.env.RETUNE_CHAOS_FREEZE_MS ?? 0);
const FORECASTERS = ["calm", "busy"];

describe(`each service in its own process, with kill -9 of services and server (K-1, seed ${SEED}, ${RUNS} runs)`, () => {
  let world: World;
  let services: ServiceProcess[];
  let observations: ReturnType<typeof series>; // still to come: one a run

  beforeAll(async () => {
    const search = {
      ...testSpec("x").search,
      space: { context_length: [96, 192], num_samples: [20, 50], temperature: [0.9, 1, 1.1] },
    };
    world = await createWorld(FORECASTERS.map((forecaster) => testSpec(forecaster, { search })));
    observations = series(700 + RUNS + 1, Math.floor(Date.now() / HOUR_MS) * HOUR_MS);
    await world.bus.publishTelemetry("observation", "load", observations.splice(0, 700), "history");
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
      "ab-tester",
      "fleet-monitor",
      "notifier",
    ];
    const env = { ...world.env, RETUNE_OPTIMIZER_ACK_WAIT_MS: "10000" }; // as the others have it: a kill costs no 30 s
    services = names.map((name) => new ServiceProcess(name, env));
    for (const service of services) if (service.name !== "trigger") service.start();
  }, 60_000);

  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await world[Symbol.asyncDispose]();
  }, 60_000);

  it("two optimizer processes share one search", async () => {
    // Both optimizers have to be there before there is something to search.
    const Waiting = z.object({ num_waiting: z.number() }).transform(({ num_waiting: count }) => count);
    const info = "$JS.API.CONSUMER.INFO.TRIALS.optimizer-trials";
    const waiting = () => world.bus.request(info, undefined, Waiting).catch(() => 0);
    await expect.poll(waiting, { timeout: 45_000 }).toBe(2);
    services.find(({ name }) => name === "trigger")!.start();
    const run = await world.until("the first run", (runs) => runs.find((each) => each.terminal), 90_000);
    const searched = Searched.parse(run.steps.find(({ step }) => step === "searched")?.data);
    expect(searched.trials).toHaveLength(12);
    expect(new Set(searched.trials.map(({ worker }) => worker)).size).toBe(2);
  }, 120_000);

  /** Asks for a run that finds another candidate; resolves with a wait for its end. */
  async function ask(number: number): Promise<() => Promise<void>> {
    const forecaster = FORECASTERS[number % FORECASTERS.length]!;
    const known = new Set((await world.runs()).keys());
    await world.changeSpec(forecaster, withSamples(60 + number));
    const payload = JSON.stringify({ forecaster, requested_by: `chaos ${number}` });
    await world.bus.store("retrain.request", payload, `chaos-${SEED}-${number}`);
    await world.bus.publishTelemetry("observation", "load", [observations[number]!], `chaos-${number}`);
    const isIt = (run: RunSummary) => !known.has(run.run_id) && run.forecaster === forecaster && run.terminal;
    return async () => {
      const what = `run ${number} of ${forecaster}`;
      await world
        .until(what, (runs) => runs.find(isIt), 90_000)
        .catch((error: Error) => {
          const logs = services.map(
            ({ name, running, log }) => `${name}${running ? "" : " (ended)"}: ${log.slice(-400)}`,
          );
          throw new Error([error.message, ...logs].join("\n"));
        });
    };
  }

  async function everythingAgrees(): Promise<void> {
    const commits = commitsByRun(world);
    for (const run of (await world.runs()).values()) {
      expect([run.run_id, terminalSteps(run).length]).toEqual([run.run_id, 1]);
      if (run.state === "verified") expect([run.run_id, commits.get(run.run_id)]).toEqual([run.run_id, 1]);
    }
    for (const forecaster of FORECASTERS) expect(await disagreements(world, forecaster)).toEqual([]);
  }

  it("every run ends in exactly one terminal event, with file, KV and git agreeing", async () => {
    const draw = seeded(SEED);
    const frozen: Promise<void>[] = [];
    for (let i = 0; i < RUNS; i++) {
      const ended = await ask(i);
      for (let kills = 1 + Math.floor(draw() * 3); kills > 0; kills--) {
        await sleep(draw() * 1_500);
        const victim = Math.floor(draw() * (services.length + 1));
        if (victim === services.length) {
          await world.nats.kill9AndRestart();
          continue;
        }
        if (FREEZE_MS > 0 && draw() < 0.5) {
          frozen.push(services[victim]!.freeze(FREEZE_MS));
          continue;
        }
        await services[victim]!.kill9();
        await sleep(draw() * 300);
        services[victim]!.start();
      }
      await ended();
    }
    await Promise.all(frozen);
    await everythingAgrees();
  }, 600_000);

  it("a power cut, which kills all of them and the server at once, ends its run once, too", async () => {
    const ended = await ask(RUNS);
    await sleep(seeded(SEED + RUNS)() * 3_000);
    await Promise.all([...services.map((service) => service.kill9()), world.nats.kill9AndRestart()]);
    for (const service of services) service.start();
    await ended();
    await everythingAgrees();
  }, 150_000);

  it("no forecast was issued twice", async () => {
    const issued = new Map<string, number>();
    for await (const message of world.bus.read("TELEMETRY", { filter: "telemetry.prediction.>" })) {
      for (const record of [message.json()].flat()) {
        const { issued_at, step, model_version, variant } = Prediction.parse(record);
        const forecast = [message.subject, variant, model_version, issued_at, step].join(" ");
        issued.set(forecast, (issued.get(forecast) ?? 0) + 1);
      }
    }
    expect(issued.size).toBeGreaterThan(0);
    expect([...issued].filter(([, times]) => times > 1)).toEqual([]);
  });

  it("no service that had started ended by itself", () => {
    expect(services.flatMap(({ crashes }) => crashes).filter(({ started }) => started)).toEqual([]);
  });

  it("drains on SIGTERM: every service ends by itself with exit code 0", async () => {
    const starting = () => services.filter(({ started }) => !started).map(({ name }) => name);
    await expect.poll(starting, { timeout: 20_000 }).toEqual([]);
    const ends = await Promise.all(
      services.map(async (service) => ({
        name: service.name,
        code: await service.stop(),
        log: service.log.slice(-2_000),
      })),
    );
    expect(ends.filter(({ code }) => code !== 0)).toEqual([]);
  }, 60_000);

  it("the buffer's Parquet holds each record of the stream once", async () => {
    const history = await History.open({ folder: join(world.data, "history") });
    expect(history.problems).toEqual([]);
    const sql = (relation: string) =>
      `SELECT kind, count(*)::INTEGER AS n, count(DISTINCT (seq, idx, metric))::INTEGER AS places
       FROM ${relation} GROUP BY kind ORDER BY kind`;
    const found = await history.read((relation, connection) => rows(connection, sql(relation)));
    const upTo = history.lastSequence((await world.bus.streamState("TELEMETRY")).created);
    await history.close();
    const published = new Map<string, number>();
    for await (const message of world.bus.read("TELEMETRY")) {
      if (message.sequence > upTo) break; // published while everything was stopping
      const kind = message.subject.split(".")[1]!;
      published.set(kind, (published.get(kind) ?? 0) + [message.json()].flat().length);
    }
    expect(found).toEqual([...published].sort().map(([kind, n]) => ({ kind, n, places: n })));
  });
});
