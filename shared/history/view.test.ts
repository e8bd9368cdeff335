import { rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rows } from "./duckdb.ts";
import {
  append,
  appendRows,
  DAY_1,
  DAY_MS,
  parquetFiles,
  STREAM,
  temporaryFolder,
} from "./history.fixture.ts";
import { History } from "./history.ts";
import type { HistoryRecord } from "./records.ts";
import { RowBuffer } from "./row-buffer.ts";
import { openHistoryView, type RecordQuery } from "./view.ts";

let folder: string;
let history: History;
beforeEach(async () => {
  folder = await temporaryFolder();
  history = await History.open({ folder });
});
afterEach(async () => {
  await history.close();
  await rm(folder, { recursive: true, force: true });
});

const count = async () =>
  (await openHistoryView(folder)).read(async (relation, connection) => {
    const sql = `SELECT count(*)::INTEGER AS n, count(DISTINCT (seq, idx))::INTEGER AS places FROM ${relation}`;
    return (await rows(connection, sql))[0];
  });

async function recordsOf(query: RecordQuery = {}): Promise<HistoryRecord[]> {
  const found: HistoryRecord[] = [];
  for await (const batch of (await openHistoryView(folder)).records(query)) found.push(...batch);
  return found;
}

const ordered = (records: readonly HistoryRecord[]) => records.map(({ seq, idx }) => [seq, idx]);

describe("a view of the history (D-BUF-1)", () => {
  it("reads what is durable while another holds the history", async () => {
    await append(history, 1, [1, 2, 3]);
    expect(await count()).toEqual({ n: 3, places: 3 });
    await append(history, 4, [4]);
    expect(await count()).toEqual({ n: 4, places: 4 });
    expect(await (await openHistoryView(folder)).ends()).toEqual([{ stream: STREAM, lastSeq: 4 }]);
  });

  it("runs again when a file was merged away under it, so that every row is seen once", async () => {
    await append(history, 1, [1, 2]);
    await append(history, 3, [3]);
    let runs = 0;
    const seen = await (await openHistoryView(folder)).read(async (relation, connection) => {
      runs += 1;
      if (runs === 1) await history.upkeep(DAY_1 + DAY_MS);
      return (await rows(connection, `SELECT count(*)::INTEGER AS n FROM ${relation}`))[0]!.n;
    });
    expect({ seen, runs, files: (await parquetFiles(folder)).length }).toEqual({
      seen: 3,
      runs: 2,
      files: 1,
    });
  });

  it("gives records back in the order of the stream, as they were published", async () => {
    const published: object[] = [];
    const buffer = new RowBuffer();
    const add = (kind: "observation" | "prediction" | "score" | "health", idx: number, record: object) => {
      buffer.add(kind, "x", { seq: 5, idx, arrivedMs: DAY_1 }, record);
      published.push(record);
    };
    const at = { issued_at: "2026-03-01T00:00:00.000Z", target_ts: "2026-03-02T00:00:00.000Z" };
    const common = { ...at, step: 1, model_version: "v1" };
    add("prediction", 0, {
      ...common,
      mean: 2,
      lower: 1,
      upper: 3,
      quantiles: { "0.5": 2 },
      known_entity: true,
      latency_ms: 1.5,
    });
    add("observation", 1, {
      ts: at.issued_at,
      entity: "a'b",
      values: { z: 1, a: -2, m: 3 },
      note: { x: [1] },
    });
    add("score", 2, { ...common, variant: "challenger", error: 1, abs_pct_error: null, in_interval: false });
    add("observation", 3, { ts: at.issued_at, values: { z: 4 } });
    add("health", 4, {
      instance: "i",
      status: "ok",
      live_revision: 3,
      model_version: null,
      rss_mb: 9,
      latency_ms_p50: null,
      failures: 0,
      loaded_at: null,
      error: "e",
    });
    await appendRows(history, 5, 5, buffer);
    const found = await recordsOf();
    expect(found.map(({ record }) => record)).toEqual(published);
    expect(Object.keys(found[1]!.record.values as object)).toEqual(["z", "a", "m"]);
    expect(found[1]).toMatchObject({
      stream: STREAM,
      seq: 5,
      idx: 1,
      arrivedMs: DAY_1,
      kind: "observation",
      id: "x",
    });
    expect(await recordsOf({ kinds: ["score"], ids: ["x"] })).toHaveLength(1);
    expect(await recordsOf({ ids: [] })).toEqual([]);
  });

  it("reads in batches that end with a message, across parts, days and merges", async () => {
    for (let seq = 1; seq <= 40; seq += 4)
      await append(history, seq, [1, 2, 3, 4], DAY_1 + (seq > 20 ? DAY_MS : 0));
    const expected = Array.from({ length: 40 }, (_, i) => [i + 1, 0]);
    const batches: HistoryRecord[][] = [];
    for await (const batch of (await openHistoryView(folder)).records({ batchRows: 7 })) {
      batches.push(batch);
      if (batches.length === 2) await history.upkeep(DAY_1 + 2 * DAY_MS);
      if (batches.length === 3) await append(history, 41, [41], DAY_1 + 2 * DAY_MS);
    }
    expect(ordered(batches.flat())).toEqual(expected);
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(7);
    expect(await recordsOf({ fromMs: DAY_1 + 1, toMs: DAY_1 + DAY_MS })).toHaveLength(20);
  });

  it("keeps sequences of a stream created anew apart, oldest stream first, also in one day's file", async () => {
    await append(history, 1, [1, 2]);
    for (const [stream, value] of [
      ["2026-02-01T00:00:00Z", 3],
      ["2026-01-15T00:00:00Z", 4],
    ] as const) {
      const buffer = new RowBuffer();
      buffer.add(
        "observation",
        "usdclp",
        { seq: 1, idx: 0, arrivedMs: DAY_1 },
        { ts: "2026-02-01T00:00:00Z", values: { value } },
      );
      await history.append({ stream, day: "2026-03-01", firstSeq: 1, lastSeq: 1, rows: buffer });
    }
    const values = async () =>
      (await recordsOf()).map(({ record }) => (record.values as { value: number }).value);
    expect(await values()).toEqual([1, 2, 3, 4]);
    await history.upkeep(DAY_1 + DAY_MS);
    expect(await parquetFiles(folder)).toHaveLength(1);
    expect(await values()).toEqual([1, 2, 3, 4]);
  });

  it("names the file that is damaged, and the folder that holds no history", async () => {
    await append(history, 1, [1]);
    const [file] = await parquetFiles(folder);
    await truncate(join(folder, file!), 10);
    await expect(count()).rejects.toThrow(file);
    await rename(join(folder, "manifest.ndjson"), join(folder, "away"));
    await expect(openHistoryView(folder)).rejects.toThrow(/holds no history/);
  });
});
