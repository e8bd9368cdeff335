/**
 * Windows of a large history: 30 days of 15 million rows, as a fleet of 50 entities of which one is asked for, and
 * as one series that is asked for whole. `node test/bench/window.ts`; `RETUNE_WINDOW_ROWS` for another size.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withMemory } from "../../shared/history/duckdb.ts";
import { sha256Of } from "../../shared/history/files.ts";
import { History } from "../../shared/history/history.ts";
import { MANIFEST, Manifest } from "../../shared/history/manifest.ts";
import { DAY_LEVEL, dayFile } from "../../shared/history/merge-plan.ts";
import { writeWindow } from "../../shared/history/observations.ts";
import { writeQuery } from "../../shared/history/parquet.ts";
import { HISTORY_COLUMNS, SCHEMA_VERSION } from "../../shared/history/schema.ts";
import type { BenchResult } from "./result.ts";

const DAYS = 30;
const DAY_MS = 86_400_000;
const FIRST_DAY_MS = Date.parse("2026-01-01T00:00:00Z");
const STREAM = "2026-01-01T00:00:00Z";
const LIMIT_S = 10;

/** A folder with `rows` observations of the series `s` in day files, `entities` of them at each time. */
async function makeHistory(folder: string, rows: number, entities: number): Promise<void> {
  const manifest = await Manifest.open(join(folder, MANIFEST));
  const perDay = Math.floor(rows / DAYS);
  const stepMs = (DAY_MS * entities) / perDay;
  for (let d = 0; d < DAYS; d++) {
    const dayMs = FIRST_DAY_MS + d * DAY_MS;
    const at = `make_timestamp_ms((${dayMs} + (i // ${entities}) * ${stepMs})::BIGINT)`;
    const cells: Record<string, string> = {
      kind: "'observation'",
      stream: `'${STREAM}'`,
      seq: `${d * perDay + 1} + i`,
      idx: "0",
      arrived: at,
      id: "'s'",
      ts: at,
      entity: entities === 1 ? "NULL" : `'server-' || (i % ${entities})`,
      metric: "'cpu'",
      value: "40 + hash(i) % 2000 / 100",
    };
    const columns = HISTORY_COLUMNS.map(({ name, sql }) => `(${cells[name] ?? "NULL"})::${sql} AS ${name}`);
    const day = new Date(dayMs).toISOString().slice(0, 10);
    const file = dayFile(day);
    const path = join(folder, file);
    await withMemory((connection) =>
      writeQuery(connection, `SELECT ${columns.join(", ")} FROM range(${perDay}) t(i)`, path),
    );
    const part = {
      file,
      day,
      stream: STREAM,
      first_seq: d * perDay + 1,
      last_seq: (d + 1) * perDay,
      rows: perDay,
      schema: SCHEMA_VERSION,
      level: DAY_LEVEL,
      ...(await sha256Of(path)),
    };
    await manifest.append({ part });
  }
}

async function serve(name: string, rows: number, entities: number): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "retune-window-"));
  try {
    await makeHistory(folder, rows, entities);
    const opening = performance.now();
    const history = await History.open({ folder });
    const opened = (performance.now() - opening) / 1_000;
    const begun = performance.now();
    const entity = entities === 1 ? null : "server-7";
    const query = { series: "s", metric: "cpu", entity, fromMs: FIRST_DAY_MS };
    const written = await writeWindow(history, query, join(folder, "window"));
    const seconds = (performance.now() - begun) / 1_000;
    await history.close();
    const expected = Math.floor(rows / DAYS / entities) * DAYS;
    if (Math.abs(written.rows - expected) > DAYS * entities)
      throw new Error(`expected ${expected} rows, got ${written.rows}`);
    return [
      { name: `window, ${name}: served`, value: seconds, unit: "s", target: `<= ${LIMIT_S}` },
      { name: `window, ${name}: history opened, every file's digest checked`, value: opened, unit: "s" },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function run(): Promise<BenchResult[]> {
  const rows = Number(process.env.RETUNE_WINDOW_ROWS ?? 15_000_000);
  const millions = `${(rows / 1e6).toFixed(0)} M rows of ${DAYS} days`;
  return [
    ...(await serve(`one of 50 entities out of ${millions}`, rows, 50)),
    ...(await serve(`all ${millions}`, rows, 1)),
  ];
}

if (import.meta.main)
  for (const { name, value, unit, target } of await run())
    console.log(`${name}: ${value.toFixed(1)} ${unit}${target === undefined ? "" : ` (target ${target})`}`);
