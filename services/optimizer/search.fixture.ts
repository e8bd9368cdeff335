import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CloudEvent, stepType } from "../../shared/contracts/envelope.ts";
import { Failed } from "../../shared/contracts/failed.ts";
import { type WindowReply, WindowRequest } from "../../shared/contracts/inference-buffer.ts";
import { Searched } from "../../shared/contracts/optimizer.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import type { Accepted } from "../../shared/contracts/trigger.ts";
import { newEvent } from "../../shared/events.ts";
import { quote, withMemory } from "../../shared/history/duckdb.ts";
import { writeQuery } from "../../shared/history/parquet.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";

export const DAY_MS = 86_400_000;
export const MODEL_PATH = "models/tiny-bolt/model.onnx";

export type Row = readonly [timeMs: number, value: number];

/** Daily values that end a day before `endMs`: a slow wave, a weekly one and a hint of noise. */
export function dailyRows(count: number, endMs: number): Row[] {
  return Array.from({ length: count }, (_, t) => {
    const value = 900 + 20 * Math.sin(t / 30) + 6 * Math.sin((2 * Math.PI * t) / 7) + 2 * Math.sin(t * t);
    return [endMs - (count - t) * DAY_MS, value];
  });
}

/** Bytes of a Parquet file with `ts` and `value`, as the buffer's windows are. */
export async function windowBytes(rows: readonly Row[]): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "retune-window-"));
  try {
    const path = join(folder, "window.parquet");
    const csv = join(folder, "window.csv");
    await writeFile(csv, `t,v\n${rows.map((row) => row.join()).join("\n")}\n`);
    const columns = "columns = {'t': 'DOUBLE', 'v': 'DOUBLE'}";
    const query = `SELECT make_timestamp_ms(t::BIGINT) AS ts, v AS value FROM read_csv(${quote(csv)}, header = true, ${columns})`;
    await withMemory((connection) => writeQuery(connection, query, path));
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Stands in for the inference buffer: answers each request with the rows of that metric as a real window. */
export async function serveWindows(
  { bus }: ServiceContext,
  rowsOf: (series: string, metric: string) => readonly Row[],
): Promise<{ stop(): Promise<void> }> {
  const answer = async (payload: unknown): Promise<WindowReply> => {
    const { series, metric, days = Infinity } = WindowRequest.parse(payload);
    const all = rowsOf(series, metric);
    const newestMs = all.reduce((newest, [timeMs]) => Math.max(newest, timeMs), Number.NEGATIVE_INFINITY);
    const rows = all.filter(([timeMs]) => timeMs >= newestMs - days * DAY_MS);
    const iso = (row: Row | undefined) => (row === undefined ? null : new Date(row[0]).toISOString());
    const artifact = await bus.artifacts.put(await windowBytes(rows));
    return {
      artifact,
      rows: rows.length,
      from: iso(rows[0]),
      to: iso(rows.at(-1)),
      stream: { last_sequence: 7 },
    };
  };
  const endpoints = { "inference-buffer.window": answer };
  return bus.serve({ name: "inference-buffer", description: "stand-in", version: "0.0.0", endpoints });
}

/** A spec of daily steps with a small space; `search` is laid over it. */
export function testSpec(forecaster: string, search: object = {}, over: object = {}): ForecasterSpec {
  return ForecasterSpec.parse({
    forecaster,
    series: "daily",
    horizon: "5d",
    model: { family: "chronos-bolt", path: MODEL_PATH },
    search: {
      space: { context_length: [30, 60], num_samples: [20, 40], temperature: [0.8, 1.2] },
      backtest: "8d",
      ...search,
    },
    ...over,
  });
}

/** Applies a spec and waits until services that watch the bucket can know it. */
export async function applySpec({ bus }: ServiceContext, spec: ForecasterSpec): Promise<void> {
  await bus.kv("specs", ForecasterSpec).put(spec.forecaster, spec);
}

/** Publishes `accepted` of a new run. */
export async function accept(
  context: ServiceContext,
  forecaster: string,
  action: Accepted["action"] = "search",
): Promise<{ run: string; sequence: number }> {
  const run = newUuidV7();
  const data: Accepted = {
    ...{ run_id: run, forecaster, caused_by: [], evidence: { code_version: "test" } },
    ...{ cause: "manual", action, escalates_to: null, priority: "medium", reasons: ["test"], coalesced: 0 },
  };
  const { source, clock, bus } = context;
  const event = newEvent({
    source,
    type: stepType("accepted"),
    subject: forecaster,
    timeMs: clock.now(),
    data,
  });
  const { sequence } = await bus.publishOnce(subjects.step("accepted", forecaster, run), event);
  return { run, sequence };
}

/** The search's outcome, waited for as long as a test may take. */
export async function searchOutcome(
  { bus }: ServiceContext,
  forecaster: string,
  run: string,
): Promise<{ searched?: Searched; failed?: Failed; event: CloudEvent; sequence: number }> {
  for (;;) {
    for (const step of ["searched", "failed"] as const) {
      const message = await bus.lastMessage("DECISIONS", subjects.step(step, forecaster, run));
      if (message === undefined) continue;
      const event = message.json() as CloudEvent;
      const { sequence } = message;
      return step === "searched"
        ? { searched: Searched.parse(event.data), event, sequence }
        : { failed: Failed.parse(event.data), event, sequence };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
