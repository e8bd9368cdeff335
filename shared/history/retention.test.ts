import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { quote, rows, withMemory } from "./duckdb.ts";
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
import { writeWindow } from "./observations.ts";
import { RowBuffer } from "./row-buffer.ts";
import { readWindow } from "./window.ts";

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const HISTORY_DAYS = 730;
const SERIES = { series: "usdclp", metric: "value", entity: null };

/** Observations of `dates` (days from the first arrival) that arrive on day `arrival`, and one record of each other kind. */
async function arrive(history: History, arrival: number, seq: number, dates: readonly number[]) {
  const arrivedMs = DAY_1 + arrival * DAY_MS;
  const at = (n: number) => new Date(DAY_1 + n * DAY_MS).toISOString();
  const buffer = new RowBuffer();
  const origin = (idx: number) => ({ seq, idx, arrivedMs });
  for (const [i, date] of dates.entries())
    buffer.add("observation", "usdclp", origin(i), { ts: at(date), values: { value: date } });
  const times = { issued_at: at(arrival), target_ts: at(arrival + 1), step: 1, model_version: "v1" };
  buffer.add("prediction", "f", origin(0), { ...times, mean: 1, lower: 0, upper: 2 });
  buffer.add("score", "f", origin(0), { ...times, error: 1, abs_pct_error: 1, in_interval: true });
  buffer.add("health", "f", origin(0), { instance: "a", status: "ok", failures: 0 });
  await appendRows(history, seq, seq, buffer, arrivedMs);
}

const kinds = (history: History) =>
  history.read(async (relation, connection) => {
    const sql = `SELECT kind, count(*)::INTEGER AS n FROM ${relation} GROUP BY kind`;
    return Object.fromEntries((await rows(connection, sql)).map(({ kind, n }) => [kind, n]));
  });

async function windowOf(history: History): Promise<number[]> {
  const path = join(folder, "window");
  await writeWindow(history, SERIES, path);
  return [...(await readWindow(path)).values];
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("retention of the Parquet history (D-BUF-1)", () => {
  it("keeps backfilled observations for as long as they are needed, and other records for 60 days", async () => {
    const history = await History.open({ folder, retentionDays: 60 });
    await arrive(history, 0, 1, range(-HISTORY_DAYS + 1, 0));
    for (let day = 1; day <= 61; day++) {
      await arrive(history, day, day + 1, [day]);
      if (day % 20 === 0) await history.upkeep(DAY_1 + day * DAY_MS, 761);
    }
    await history.upkeep(DAY_1 + 60 * DAY_MS, 761);
    expect(await kinds(history)).toEqual({ observation: 791, prediction: 62, score: 62, health: 62 });
    await history.upkeep(DAY_1 + 61 * DAY_MS, 761);
    expect(await kinds(history)).toEqual({ observation: 791, prediction: 61, score: 61, health: 61 });
    expect(await windowOf(history)).toEqual(range(-HISTORY_DAYS + 1, 61));
    expect(history.rows).toBe(791 + 3 * 61);
    const bytes = await readFile(join(folder, "metrics_2026-03-01.parquet"));
    await history.close();
    const again = await History.open({ folder, retentionDays: 60 });
    expect(again.problems).toEqual([]);
    await again.upkeep(DAY_1 + 61 * DAY_MS, 761);
    expect(await readFile(join(folder, "metrics_2026-03-01.parquet"))).toEqual(bytes);
    expect(await windowOf(again)).toEqual(range(-HISTORY_DAYS + 1, 61));
    expect(again.lastSequence(STREAM)).toBe(62);
    await again.close();
  });

  it("deletes a day's observations when nothing needs them any more, and forgets no sequence", async () => {
    const history = await History.open({ folder, retentionDays: 60 });
    await arrive(history, 0, 1, [0]);
    await history.upkeep(DAY_1 + 100 * DAY_MS, 100);
    expect(await kinds(history)).toEqual({ observation: 1 });
    await history.upkeep(DAY_1 + 101 * DAY_MS, 100);
    expect(await parquetFiles(folder)).toEqual([]);
    expect(history.lastSequence(STREAM)).toBe(1);
    await history.close();
  });

  it("follows the need when it changes on the same day", async () => {
    const history = await History.open({ folder, retentionDays: 60 });
    await arrive(history, 0, 1, [0]);
    const now = DAY_1 + 101 * DAY_MS;
    for (const days of [1e9, Number.POSITIVE_INFINITY, 101]) {
      await history.upkeep(now, days);
      expect(await kinds(history)).toEqual({ observation: 1 });
    }
    await history.upkeep(now, 100);
    expect(await kinds(history)).toEqual({});
    await history.close();
  });

  it("keeps a day whole for its retention, however little the observations are needed", async () => {
    const history = await History.open({ folder, retentionDays: 60 });
    await arrive(history, 0, 1, [0]);
    await history.upkeep(DAY_1 + 60 * DAY_MS, 1);
    expect(await kinds(history)).toEqual({ observation: 1, prediction: 1, score: 1, health: 1 });
    await history.upkeep(DAY_1 + 61 * DAY_MS, 1);
    expect(await kinds(history)).toEqual({});
    await history.close();
  });

  it("leaves no file of a day without observations", async () => {
    const history = await History.open({ folder, retentionDays: 60 });
    await arrive(history, 0, 1, []);
    await append(history, 2, [2], DAY_1 + DAY_MS);
    await history.upkeep(DAY_1 + 61 * DAY_MS, 761);
    expect(await parquetFiles(folder)).toEqual(["metrics_2026-03-02.parquet"]);
    expect(history.files).toHaveLength(1);
    await history.close();
    const again = await History.open({ folder });
    expect(again.problems).toEqual([]);
    await again.close();
  });

  it("takes in what arrived that long ago and was written only now", async () => {
    const history = await History.open({ folder, retentionDays: 60 });
    const now = DAY_1 + 70 * DAY_MS;
    await arrive(history, 0, 1, [0]);
    await history.upkeep(now, 761);
    await arrive(history, 0, 2, [1]);
    await history.upkeep(now, 761);
    expect(await kinds(history)).toEqual({ observation: 2 });
    expect(await parquetFiles(folder)).toEqual(["metrics_2026-03-01.parquet"]);
    await history.close();
  });

  it("archives a day whole before it is cut, and what came later beside it", async () => {
    const archive = join(folder, "archive");
    const history = await History.open({ folder, retentionDays: 60, archive });
    await arrive(history, 0, 1, [0]);
    await arrive(history, 0, 2, [1]);
    const now = DAY_1 + 61 * DAY_MS;
    await history.upkeep(now - DAY_MS, 761);
    expect(await readdir(folder)).not.toContain("archive");
    await history.upkeep(now, 761);
    expect(await kinds(history)).toEqual({ observation: 2 });
    await arrive(history, 0, 3, [2]);
    await history.upkeep(now, 60);
    await history.upkeep(now + DAY_MS, 60);
    expect(await parquetFiles(archive)).toEqual([
      "metrics_2026-03-01.1.parquet",
      "metrics_2026-03-01.parquet",
    ]);
    const archived = await withMemory((connection) =>
      rows(
        connection,
        `SELECT seq::INTEGER AS seq, kind FROM ${quote(`${archive}/*.parquet`)} ORDER BY seq, kind`,
      ),
    );
    const whole = (seq: number) =>
      ["health", "observation", "prediction", "score"].map((kind) => ({ seq, kind }));
    expect(archived).toEqual([1, 2, 3].flatMap(whole));
    await history.close();
  });

  it("archives a day once when a crash came before its cut", async () => {
    const archive = join(folder, "archive");
    const history = await History.open({ folder, retentionDays: 60, archive });
    await arrive(history, 0, 1, [0]);
    const now = DAY_1 + 61 * DAY_MS;
    await history.upkeep(DAY_1 + DAY_MS, 761);
    const names = ["manifest.ndjson", "metrics_2026-03-01.parquet"];
    for (const name of names) await copyFile(join(folder, name), join(folder, `saved-${name}`));
    await history.upkeep(now, 761);
    await history.close();
    for (const name of names) await copyFile(join(folder, `saved-${name}`), join(folder, name));
    const again = await History.open({ folder, retentionDays: 60, archive });
    await again.upkeep(now, 761);
    expect(await kinds(again)).toEqual({ observation: 1 });
    expect(await parquetFiles(archive)).toEqual(["metrics_2026-03-01.parquet"]);
    await again.close();
  });

  it("rewrites nothing when the retention is made longer later", async () => {
    const history = await History.open({ folder, retentionDays: 60 });
    await arrive(history, 0, 1, [0]);
    await history.upkeep(DAY_1 + 70 * DAY_MS, 761);
    const { files } = history;
    await history.close();
    const longer = await History.open({ folder, retentionDays: 90 });
    await longer.upkeep(DAY_1 + 70 * DAY_MS, 761);
    expect(longer.files).toEqual(files);
    await longer.close();
  });
});

describe("a day's cut to its observations, when it is killed", () => {
  const FILE = "metrics_2026-03-01.parquet";
  const now = DAY_1 + 61 * DAY_MS;
  const at = (name: string) => join(folder, name);

  /** The folder before and after the cut of one day of three observations; what a crash leaves lies between. */
  async function beforeAndAfter() {
    const history = await History.open({ folder, retentionDays: 60 });
    await arrive(history, 0, 1, [-2, -1, 0]);
    await history.upkeep(DAY_1 + DAY_MS, 761);
    const manifest = await readFile(at("manifest.ndjson"), "utf8");
    await copyFile(at(FILE), at("whole"));
    await history.upkeep(now, 761);
    const into = history.files[0]!;
    await history.close();
    await copyFile(at(FILE), at("cut"));
    const line = `${JSON.stringify({ merge: { into, temporary: `${FILE}.merged`, from: [FILE] } })}\n`;
    return { manifest, line };
  }

  const WHOLE = { observation: 3, prediction: 1, score: 1, health: 1 };
  const CUT = { observation: 3 };

  for (const [when, file, temporary, journaled, found] of [
    ["before it is written", "whole", undefined, 0, WHOLE],
    ["while it is written", "whole", "half", 0, WHOLE],
    ["once it is written", "whole", "cut", 0, WHOLE],
    ["while its line is written", "whole", "cut", 0.5, WHOLE],
    ["once its line is written", "whole", "cut", 1, CUT],
    ["once it has its name", "cut", undefined, 1, CUT],
  ] as const) {
    it(`${when}: the day is whole or cut, and never loses an observation`, async () => {
      const { manifest, line } = await beforeAndAfter();
      await writeFile(at("half"), (await readFile(at("cut"))).subarray(0, 200));
      await copyFile(at(file), at(FILE));
      if (temporary !== undefined) await copyFile(at(temporary), at(`${FILE}.merged`));
      await writeFile(at("manifest.ndjson"), manifest + line.slice(0, Math.floor(line.length * journaled)));
      const history = await History.open({ folder, retentionDays: 60 });
      expect(history.problems).toEqual([]);
      expect(await kinds(history)).toEqual(found);
      await history.upkeep(now, 761);
      expect(await kinds(history)).toEqual(CUT);
      expect(await windowOf(history)).toEqual([-2, -1, 0]);
      expect(await parquetFiles(folder)).toEqual([FILE]);
      expect(await readFile(at(FILE))).toEqual(await readFile(at("cut")));
      await history.close();
    });
  }
});
