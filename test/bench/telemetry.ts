/**
 * Telemetry validated into durable Parquet, against raw consumption of the same messages in the same run:
 * `node test/bench/telemetry.ts`. The buffer is the service itself, with a spec whose ledger it has to keep.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { service } from "../../services/inference-buffer/main.ts";
import { BufferStats } from "../../shared/contracts/inference-buffer.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { type TestContext, testContext } from "../support/context.ts";
import { startTestNats } from "../support/nats.ts";
import type { BenchResult } from "./result.ts";

const START = Date.parse("2020-01-01T00:00:00Z");
const STEP_MS = 10_000;
const IN_FLIGHT = 1_000;

function records(first: number, count: number): object[] {
  return Array.from({ length: count }, (_, i) => {
    const n = first + i;
    const ts = new Date(START + Math.floor(n / 50) * STEP_MS).toISOString();
    return { ts, entity: `server-${n % 50}`, values: { cpu: 40 + (n % 977) / 20 } };
  });
}

async function publishAll(
  context: TestContext,
  series: string,
  messages: number,
  perMessage: number,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < messages; n = next++) {
      await context.bus.publishTelemetry(
        "observation",
        series,
        records(n * perMessage, perMessage),
        `b-${n}`,
      );
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

/** Seconds until a durable consumer that does nothing has had every message. */
async function rawSeconds(context: TestContext, durable: string, messages: number): Promise<number> {
  let left = messages;
  let finish = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const begun = performance.now();
  const consumption = await context.bus.consume({
    stream: "TELEMETRY",
    durable,
    filter: "telemetry.>",
    batch: 256,
    concurrency: 32,
    ackAll: true,
    handler: async (batch) => {
      left -= batch.length;
      if (left === 0) finish();
    },
  });
  await done;
  const seconds = (performance.now() - begun) / 1_000;
  await consumption.stop();
  return seconds;
}

/** Seconds until every message was read without acks, in batches, as the service reads what it is behind with. */
async function replaySeconds(context: TestContext, messages: number): Promise<number> {
  const begun = performance.now();
  let left = messages;
  for await (const batch of context.bus.readBatches("TELEMETRY")) left -= batch.length;
  if (left !== 0) throw new Error(`${left} of ${messages} messages were not read`);
  return (performance.now() - begun) / 1_000;
}

/** Seconds until the service has every row in files that the manifest names. */
async function bufferSeconds(context: TestContext, expectedRows: number): Promise<number> {
  const begun = performance.now();
  const running = await service.start(context);
  const stats = await context.bus.request("inference-buffer.stats", undefined, BufferStats);
  const seconds = (performance.now() - begun) / 1_000;
  if (stats.rows !== expectedRows || stats.quarantined !== 0)
    throw new Error(`expected ${expectedRows} rows, found ${JSON.stringify(stats)}`);
  await running.stop();
  return seconds;
}

async function compare(perMessage: number, messages: number): Promise<BenchResult[]> {
  await using nats = await startTestNats();
  const data = await mkdtemp(join(tmpdir(), "retune-bench-"));
  await using context = await testContext(nats, { data });
  try {
    const spec = ForecasterSpec.parse({
      forecaster: "cpu-1h",
      series: "servers",
      metric: "cpu",
      entity: "server-1",
      horizon: "1h",
      step: "10s",
    });
    await context.bus.kv("specs", ForecasterSpec).put(spec.forecaster, spec);
    await publishAll(context, "servers", messages, perMessage);
    const rows = messages * perMessage;
    await rawSeconds(context, "warm-up", messages);
    const ratios: number[] = [];
    const replays: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round < 3; round++) {
      const raw = await rawSeconds(context, `raw-${round}`, messages);
      const replay = await replaySeconds(context, messages);
      const buffer = await bufferSeconds(context, rows);
      await rm(data, { recursive: true, force: true });
      ratios.push(raw / buffer);
      replays.push(replay / buffer);
      rates.push(rows / buffer);
    }
    const name = `telemetry, ${perMessage} record${perMessage === 1 ? "" : "s"} a message`;
    const target = perMessage === 1 ? ">= 0.6" : ">= 0.25";
    return [
      { name: `${name}: durable Parquet / raw consumption`, value: median(ratios), unit: "ratio", target },
      { name: `${name}: durable Parquet / reading without acks`, value: median(replays), unit: "ratio" },
      { name: `${name}: durable Parquet`, value: Math.round(median(rates)), unit: "rows/s" },
      {
        name: `${name}: raw consumption`,
        value: Math.round(median(rates.map((rate, i) => rate / ratios[i]!))),
        unit: "rows/s",
      },
    ];
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

export async function run(): Promise<BenchResult[]> {
  return [...(await compare(1, 200_000)), ...(await compare(20, 60_000))];
}

if (import.meta.main)
  for (const { name, value, unit, target } of await run())
    console.log(
      `${name}: ${value.toFixed(unit === "ratio" ? 2 : 0)} ${unit}${target === undefined ? "" : ` (target ${target})`}`,
    );
