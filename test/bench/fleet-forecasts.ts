/**
 * Forecasts of a whole fleet: from observations of every entity to their forecasts in the stream, against nothing but
 * the model on the same contexts, as many in a run.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RUN } from "../../services/forecaster/fleet-issuer.ts";
import { service } from "../../services/forecaster/main.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { ForecasterSpec, horizonSteps } from "../../shared/contracts/spec.ts";
import { openFamily } from "../../shared/forecasting/families.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT } from "../../shared/service.ts";
import { type TestContext, testContext } from "../support/context.ts";
import { startTestNats } from "../support/nats.ts";
import { type BenchResult, quantile } from "./result.ts";

const ENTITIES = 2_000;
const CONTEXT = 192; // hours
const ROUNDS = 4;
const PER_MESSAGE = 500;
const HOUR_MS = 3_600_000;
const START = Date.parse("2024-12-20T00:00:00Z");
const MODEL = join(ROOT, "models/tiny-bolt/model.onnx");

const spec = ForecasterSpec.parse({
  ...{ forecaster: "fleet", series: "fleet", entities: "all", step: "1h", horizon: "6h" },
});
const names = Array.from({ length: ENTITIES }, (_, i) => `server-${i}`);
const load = (entity: number, hour: number) => 50 + (entity % 40) + 10 * Math.sin(hour / 4 + entity);

export async function run(): Promise<BenchResult[]> {
  await using nats = await startTestNats();
  await using server = await testContext(nats, { name: "forecaster", env: { FORECASTERS: "fleet" } });
  await using client = await testContext(nats, { name: "client" });
  await client.bus.kv("specs", ForecasterSpec).put("fleet", spec);
  for (let hour = 0; hour < CONTEXT; hour += 1) await observe(client, hour);
  const results: BenchResult[] = [];
  const artifact = await client.bus.artifacts.putFile(MODEL);
  const live = client.bus.kv("live-configs", LiveConfig);
  await live.put("fleet", config("chronos-bolt", artifact));
  const running = await service.start(server);
  let hour = CONTEXT - 1;
  await forecastAll(client, hour);
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    hour += 1;
    const begun = performance.now();
    await observe(client, hour);
    await forecastAll(client, hour);
    seconds.push((performance.now() - begun) / 1_000);
  }
  const rss = process.memoryUsage.rss() / 2 ** 20;
  await running.stop();
  const bare = await bareSeconds();
  const served = quantile(seconds, 0.5);
  results.push(
    {
      name: `entities a second, observed, forecast and stored (${ENTITIES})`,
      value: ENTITIES / served,
      unit: "/s",
    },
    { name: "entities a second, the model alone", value: ENTITIES / bare, unit: "/s" },
    { name: "all of it in times of the model alone", value: served / bare, unit: "x" },
    { name: "memory of the process, server and client in it", value: rss, unit: "MB" },
  );
  return results;
}

async function observe(client: TestContext, hour: number): Promise<void> {
  const ts = new Date(START + hour * HOUR_MS).toISOString();
  for (let from = 0; from < ENTITIES; from += PER_MESSAGE) {
    const records = names
      .slice(from, from + PER_MESSAGE)
      .map((entity, i) => ({ ts, entity, values: { value: load(from + i, hour) } }));
    await client.bus.publishTelemetry("observation", "fleet", records, `${hour}-${from}`);
  }
}

/** Waits until every entity has its forecast after an hour in the stream. */
async function forecastAll(client: TestContext, hour: number): Promise<void> {
  const issuedAt = new Date(START + hour * HOUR_MS).toISOString();
  const done = new Set<string>();
  let from = 1;
  while (done.size < ENTITIES) {
    await sleep(5);
    const filter = "telemetry.prediction.fleet";
    for await (const message of client.bus.read("TELEMETRY", { filter, fromSequence: from })) {
      from = message.sequence + 1;
      for (const each of message.json() as { entity: string; issued_at: string }[])
        if (each.issued_at === issuedAt) done.add(each.entity);
    }
  }
}

/** Seconds for the model to forecast every entity once, in this thread. */
async function bareSeconds(): Promise<number> {
  const model = await openFamily("chronos-bolt", MODEL, { optimise: false });
  const contexts = names.map((_, entity) =>
    Float32Array.from({ length: CONTEXT }, (_, hour) => load(entity, hour)),
  );
  const asked = {
    horizon: horizonSteps(spec),
    context_length: CONTEXT,
    num_samples: 50,
    temperature: 1,
    seed: 1,
  };
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = performance.now();
    for (let at = 0; at < ENTITIES; at += RUN) await model.forecast(contexts.slice(at, at + RUN), asked);
    seconds.push((performance.now() - begun) / 1_000);
  }
  await model.release();
  return quantile(seconds, 0.5);
}

function config(model: "chronos-bolt", artifact: string): LiveConfig {
  return LiveConfig.parse({
    ...{ forecaster: "fleet", horizon: "6h", context_length: CONTEXT, num_samples: 50, temperature: 1 },
    ...{ model, artifact, version: 1, run_id: newUuidV7(), search_iterations: 1 },
    ...{ validation_rmse: null, validation_mape: null, validation_mae: null },
    ...{ optimization_time_seconds: 1, timestamp: "2025-01-01T00:00:00Z" },
  });
}
