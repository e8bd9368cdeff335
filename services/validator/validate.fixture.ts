import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CloudEvent, stepType } from "../../shared/contracts/envelope.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Candidate, Searched } from "../../shared/contracts/optimizer.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { newEvent } from "../../shared/events.ts";
import { withMemory } from "../../shared/history/duckdb.ts";
import { writeQuery } from "../../shared/history/parquet.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT, type ServiceContext } from "../../shared/service.ts";

/** Stores a dataset of `count` days of a weekly wave on a slope, as a search would; returns its digest. */
export async function storeDataset({ bus }: ServiceContext, count: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "retune-dataset-"));
  try {
    const path = join(folder, "dataset.parquet");
    const value = "900 + 0.1 * i + 15 * sin(2 * pi() * i / 7) + 2 * sin(i * i)";
    const query = `SELECT TIMESTAMP '2024-01-01' + to_days(i::INTEGER) AS ts, ${value} AS value FROM range(${count}) AS days(i)`;
    await withMemory((connection) => writeQuery(connection, query, path));
    return await bus.artifacts.put(await readFile(path));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function storeModel({ bus }: ServiceContext): Promise<string> {
  return bus.artifacts.putFile(join(ROOT, "models/tiny-bolt/model.onnx"));
}

export async function applySpec(
  { bus }: ServiceContext,
  forecaster: string,
  over: object = {},
): Promise<void> {
  const base = { forecaster, series: "daily", horizon: "5d", season_length: 7, search: { backtest: "10d" } };
  await bus.kv("specs", ForecasterSpec).put(forecaster, ForecasterSpec.parse({ ...base, ...over }));
}

/** Puts a config live as the deployer would; returns its revision. */
export function goLive(
  { bus }: ServiceContext,
  forecaster: string,
  config: Candidate,
  version = 1,
): Promise<number> {
  return bus.kv("live-configs", LiveConfig).put(forecaster, {
    ...config,
    ...{ forecaster, horizon: "5d", version, run_id: newUuidV7() },
    ...{ validation_rmse: null, validation_mape: null, validation_mae: null },
    ...{ search_iterations: 1, optimization_time_seconds: 1, timestamp: "2024-06-01T00:00:00Z" },
  });
}

/** Publishes `searched` of a new run. */
export async function findCandidate(
  context: ServiceContext,
  forecaster: string,
  candidate: Candidate,
  dataset: string,
): Promise<{ run: string; sequence: number }> {
  const run = newUuidV7();
  const errors = {
    rmse: 1,
    mape: 1,
    mae: 1,
    mase: 1,
    error_std: 1,
    mean_error: 0,
    coverage: 1,
    n: 1,
    windows: 1,
  };
  const data: Searched = {
    ...{ run_id: run, forecaster, caused_by: [], evidence: { code_version: "test" } },
    ...{ candidate, metrics: errors, trials: [], sampler: "grid", fell_back: false, search_iterations: 27 },
    ...{ optimization_time_seconds: 12.5, dataset, baselines: {} },
  };
  const { source, clock, bus } = context;
  const event = newEvent({
    source,
    type: stepType("searched"),
    subject: forecaster,
    timeMs: clock.now(),
    data,
  });
  const { sequence } = await bus.publishOnce(subjects.step("searched", forecaster, run), event);
  return { run, sequence };
}

/** The validation's outcome, waited for as long as a test may take. */
export async function verdictOf({ bus }: ServiceContext, forecaster: string, run: string) {
  for (;;) {
    for (const step of ["approved", "rejected", "held", "failed"] as const) {
      const message = await bus.lastMessage("DECISIONS", subjects.step(step, forecaster, run));
      if (message !== undefined) return { step, event: message.json() as CloudEvent };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
