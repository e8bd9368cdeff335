import { join } from "node:path";
import { type CloudEvent, stepType } from "../../shared/contracts/envelope.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Candidate, Searched } from "../../shared/contracts/optimizer.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { newEvent } from "../../shared/events.ts";
import { packBundle } from "../../shared/forecasting/bundle/bundle.ts";
import { familyOf } from "../../shared/forecasting/families.ts";
import { withMemory } from "../../shared/history/duckdb.ts";
import { queryBytes } from "../../shared/history/parquet.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { ROOT, type ServiceContext } from "../../shared/service.ts";

/** Stores a dataset of `count` days of a weekly wave on a slope, as a search would; returns its digest. */
export function storeDataset(context: ServiceContext, count: number): Promise<string> {
  return storeQuery(context, `SELECT ${DAY}, ${VALUE} AS value FROM range(${count}) AS days(i)`);
}

/** The same wave of three entities, each of another size; the last one begins 30 days before the end. */
export function storeFleet(context: ServiceContext, count: number): Promise<string> {
  const entities = `(VALUES ('a', 1, 0), ('b', 2, 0), ('late', 5, ${count - 30})) AS fleet(entity, size, since)`;
  const query = `SELECT entity, ${DAY}, size * (${VALUE}) AS value FROM range(${count}) AS days(i), ${entities} WHERE i >= since ORDER BY entity, ts`;
  return storeQuery(context, query);
}

const DAY = "TIMESTAMP '2024-01-01' + to_days(i::INTEGER) AS ts";
const VALUE = "900 + 0.1 * i + 15 * sin(2 * pi() * i / 7) + 2 * sin(i * i)";

async function storeQuery({ bus }: ServiceContext, query: string): Promise<string> {
  return bus.artifacts.put(await withMemory((connection) => queryBytes(connection, query)));
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
  over: Partial<Searched> = {},
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
    ...over,
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

/** What a search says that hid the last steps of a dataset of `points` from its trials. */
export function splitAt(searchEnd: number, points: number): NonNullable<Searched["split"]> {
  const time = "2024-01-01T00:00:00Z";
  return {
    ...{ points, train_end: searchEnd - 20, search_end: searchEnd, holdout_steps: points - searchEnd },
    ...{ train_to: time, search_from: time, search_to: time },
  };
}

/** Trains a linear model on the first `end` days of `storeDataset` and stores its bundle. */
export async function storeTrained({ bus }: ServiceContext, end: number): Promise<string> {
  const { train } = await familyOf("linear");
  const values = Float64Array.from({ length: end }, (_, i) => dayValue(i));
  const bundle = await train!({
    series: [{ entity: null, values, endMs: Date.parse("2024-01-01T00:00:00Z") + (end - 1) * 86_400_000 }],
    grid: { stepMs: 86_400_000, calendar: "all" },
    ...{ horizon: 5, seasonLength: 7, seed: 1, parent: null },
    params: { context_length: 21, num_samples: 50, temperature: 1 },
  });
  return bus.artifacts.put(packBundle(bundle));
}

/** As `VALUE`. */
function dayValue(i: number): number {
  return 900 + 0.1 * i + 15 * Math.sin((2 * Math.PI * i) / 7) + 2 * Math.sin(i * i);
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
