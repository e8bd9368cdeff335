/**
 * Memory of the buffer while it takes in ten million rows: `RETUNE_SOAK_ROWS=10000000 node test/bench/soak.ts`
 * (default two million). The buffer runs in a process of its own; its resident memory is read after each million.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BufferStats } from "../../shared/contracts/inference-buffer.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { UnavailableError } from "../../shared/errors.ts";
import { ROOT } from "../../shared/service.ts";
import { type TestContext, testContext } from "../support/context.ts";
import { startTestNats } from "../support/nats.ts";
import type { BenchResult } from "./result.ts";

const START = Date.parse("2020-01-01T00:00:00Z");
/** So that the ledger, which looks back for 30 days, is as large as it gets well within the first million rows. */
const STEP_MS = 300_000;
const ENTITIES = 50;
const PER_MESSAGE = 100;
const IN_FLIGHT = 64;
const SAMPLE_ROWS = 1_000_000;

async function publish(context: TestContext, first: number, count: number): Promise<void> {
  let next = first;
  const worker = async () => {
    for (let n = next; n < first + count; n = next) {
      next += PER_MESSAGE;
      const records = Array.from({ length: PER_MESSAGE }, (_, i) => ({
        ts: new Date(START + Math.floor((n + i) / ENTITIES) * STEP_MS).toISOString(),
        entity: `server-${(n + i) % ENTITIES}`,
        values: { cpu: 40 + ((n + i) % 977) / 20 },
      }));
      await context.bus.publishTelemetry("observation", "servers", records, `s-${n}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

async function rowsReach(context: TestContext, wanted: number): Promise<void> {
  for (;;) {
    const stats = await context.bus
      .request("inference-buffer.stats", undefined, BufferStats, { timeoutMs: 5_000 })
      .catch((error: unknown) => {
        if (error instanceof UnavailableError) return undefined;
        throw error;
      });
    if (stats !== undefined && stats.rows >= wanted) return;
    await sleep(100);
  }
}

function residentMb(pid: number): number {
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1_024;
}

export async function run(): Promise<BenchResult[]> {
  const rows = Number(process.env.RETUNE_SOAK_ROWS ?? 2_000_000);
  await using nats = await startTestNats();
  const data = await mkdtemp(join(tmpdir(), "retune-soak-"));
  await using context = await testContext(nats, { data });
  const spec = { forecaster: "cpu-1h", series: "servers", metric: "cpu", entity: "server-1", horizon: "1h" };
  await context.bus.kv("specs", ForecasterSpec).put("cpu-1h", ForecasterSpec.parse({ ...spec, step: "5m" }));
  const buffer = spawn(process.execPath, [join(ROOT, "services/inference-buffer/main.ts")], {
    env: { ...process.env, NATS_URL: nats.url, RETUNE_DATA: data, LOG_LEVEL: "error" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(buffer, "exit");
  try {
    const samples: number[] = [];
    for (let done = 0; done < rows; done += SAMPLE_ROWS) {
      await publish(context, done, SAMPLE_ROWS);
      await rowsReach(context, done + SAMPLE_ROWS);
      samples.push(residentMb(buffer.pid!));
    }
    return [
      ...samples.map((value, i) => ({
        name: `buffer, resident memory after ${i + 1} M rows`,
        value,
        unit: "MB",
      })),
      {
        name: "buffer, resident memory: at the end / after a third of the rows",
        value: samples.at(-1)! / samples[Math.floor((samples.length - 1) / 3)]!,
        unit: "ratio",
        target: "<= 1.2",
      },
    ];
  } finally {
    buffer.kill("SIGTERM");
    await ended;
    await rm(data, { recursive: true, force: true });
  }
}

if (import.meta.main)
  for (const { name, value, unit, target } of await run())
    console.log(
      `${name}: ${value.toFixed(unit === "ratio" ? 2 : 0)} ${unit}${target === undefined ? "" : ` (target ${target})`}`,
    );
