import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { quote, rows, withMemory } from "./duckdb.ts";
import {
  append,
  DAY_1,
  DAY_MS,
  parquetFiles,
  STREAM,
  sequences,
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

describe("the Parquet history (D-BUF-1)", () => {
  it("keeps parts while a day is open and one file when it is over", async () => {
    const history = await History.open({ folder });
    await append(history, 1, [1, 2, 3]);
    await append(history, 4, [4, 5]);
    expect(await parquetFiles(folder)).toEqual([
      "metrics_2026-03-01.part-1-3.parquet",
      "metrics_2026-03-01.part-4-5.parquet",
    ]);
    await history.upkeep(DAY_1 + DAY_MS);
    expect(await parquetFiles(folder)).toEqual(["metrics_2026-03-01.parquet"]);
    expect(await sequences(history)).toEqual([1, 2, 3, 4, 5]);
    expect(history.lastSequence(STREAM)).toBe(5);
    await append(history, 6, [6]); // late: the day is over already
    await history.upkeep(DAY_1 + DAY_MS);
    expect(await parquetFiles(folder)).toEqual(["metrics_2026-03-01.parquet"]);
    expect(await sequences(history)).toEqual([1, 2, 3, 4, 5, 6]);
    await history.close();
  });

  it("names stream, sequences, arrival and the range of each subject for every file, over merges and restarts", async () => {
    const history = await History.open({ folder });
    const subjects = [
      new Map([
        ["telemetry.observation.a", [1, 2] as const],
        ["telemetry.observation.b", [2, 2] as const],
      ]),
      new Map([["telemetry.observation.a", [3, 3] as const]]),
    ];
    for (const [i, ranges] of subjects.entries()) {
      const rows = new RowBuffer();
      rows.add(
        "observation",
        "a",
        { seq: 2 * i + 1, idx: 0, arrivedMs: DAY_1 },
        { ts: "2026-03-01T00:00:00Z", values: { v: i } },
      );
      const [firstSeq, lastSeq] = [2 * i + 1, i + 2];
      await history.append({
        stream: STREAM,
        day: "2026-03-01",
        firstSeq,
        lastSeq,
        lastArrivedMs: DAY_1 + i,
        subjects: ranges,
        rows,
      });
    }
    expect(history.files[0]).toMatchObject({
      stream: STREAM,
      first_seq: 1,
      last_seq: 2,
      rows: 1,
      last_arrived_ms: DAY_1,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    await history.upkeep(DAY_1 + DAY_MS);
    await history.close();
    const again = await History.open({ folder });
    expect(again.files).toMatchObject([
      {
        first_seq: 1,
        last_seq: 3,
        rows: 2,
        subjects: { "telemetry.observation.a": [1, 3], "telemetry.observation.b": [2, 2] },
      },
    ]);
    expect([again.lastSequence(STREAM), again.lastArrival(STREAM), again.streams]).toEqual([
      3,
      DAY_1 + 1,
      [STREAM],
    ]);
    await again.close();
  });

  it("merges parts of an open day when they get many", async () => {
    const history = await History.open({ folder, mergeAt: 3 });
    for (let seq = 1; seq <= 9; seq++) {
      await append(history, seq, [seq]);
      await history.upkeep(DAY_1);
    }
    expect(history.files.map(({ level }) => level)).toEqual([1, 1, 1]);
    await history.upkeep(DAY_1);
    expect(await sequences(history)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await history.close();
  });

  it("turns the day at midnight of its zone", async () => {
    const history = await History.open({ folder, zone: "America/Santiago" });
    expect(history.dayOf(Date.parse("2026-07-02T03:59:59Z"))).toBe("2026-07-01");
    expect(history.dayOf(Date.parse("2026-07-02T04:00:00Z"))).toBe("2026-07-02");
    await history.close();
    await expect(History.open({ folder, zone: "Mars/Olympus" })).rejects.toThrow(/Mars\/Olympus/);
  });

  it("keeps every field of all four kinds in one typed schema", async () => {
    const buffer = new RowBuffer();
    const origin = { seq: 7, idx: 0, arrivedMs: DAY_1 };
    buffer.add("observation", "fleet", origin, {
      ts: "2026-03-01T00:00:00.250Z",
      entity: "it's",
      values: { cpu: 0.5, mem: 3 },
      note: "x",
    });
    buffer.add(
      "prediction",
      "f-7d",
      { ...origin, idx: 1 },
      {
        issued_at: "2026-03-01T00:00:00Z",
        target_ts: "2026-03-02T00:00:00Z",
        step: 1,
        mean: 2,
        lower: 1,
        upper: 3,
        quantiles: { "0.5": 2 },
        known_entity: true,
        model_version: "v1",
        latency_ms: 1.5,
      },
    );
    buffer.add(
      "score",
      "f-7d",
      { ...origin, idx: 2 },
      {
        issued_at: "2026-03-01T00:00:00Z",
        target_ts: "2026-03-02T00:00:00Z",
        step: 1,
        error: -0.5,
        abs_pct_error: null,
        in_interval: false,
        model_version: "v1",
        variant: "challenger",
        naive_error: 0.25,
      },
    );
    buffer.add(
      "health",
      "f-7d",
      { ...origin, idx: 3 },
      {
        instance: "a",
        status: "ok",
        live_revision: 3,
        model_version: null,
        rss_mb: 90,
        latency_ms_p50: null,
        failures: 0,
        loaded_at: null,
        error: "none",
      },
    );
    const history = await History.open({ folder });
    await history.append({ stream: STREAM, day: "2026-03-01", firstSeq: 7, lastSeq: 7, rows: buffer });
    await history.close();
    const path = join(folder, (await parquetFiles(folder))[0]!);
    const found = await withMemory((connection) =>
      rows(
        connection,
        `SELECT * REPLACE (seq::INTEGER AS seq, idx::INTEGER AS idx, epoch_ms(ts)::DOUBLE AS ts) FROM ${quote(path)} ORDER BY idx, metric`,
      ),
    );
    expect(found).toHaveLength(5);
    expect(found[0]).toMatchObject({
      kind: "observation",
      id: "fleet",
      seq: 7,
      entity: "it's",
      metric: "cpu",
      value: 0.5,
      ts: Date.parse("2026-03-01T00:00:00.250Z"),
      extra: '{"note":"x"}',
      mean: null,
    });
    expect(found[1]).toMatchObject({ metric: "mem", value: 3 });
    expect(found[2]).toMatchObject({
      kind: "prediction",
      mean: 2,
      quantiles: '{"0.5":2}',
      known_entity: true,
      variant: null,
      latency_ms: 1.5,
      step: 1n,
    });
    expect(found[3]).toMatchObject({
      kind: "score",
      error: -0.5,
      abs_pct_error: null,
      in_interval: false,
      variant: "challenger",
      naive_error: 0.25,
    });
    expect(found[4]).toMatchObject({
      kind: "health",
      instance: "a",
      problem: "none",
      live_revision: 3n,
      latency_ms_p50: null,
      loaded_at: null,
    });
  });
});

it("gives back what batches of any size and mixture held", async () => {
  const history = await History.open({ folder, mergeAt: 5 });
  const expected: unknown[] = [];
  for (const [n, size] of [3, 1, 5_000, 0, 40, 2_048, 1, 2_049].entries()) {
    const buffer = new RowBuffer();
    for (let idx = 0; idx < size; idx++) {
      const entity = idx % 3 === 0 ? undefined : `e${n}-${idx % 700}`;
      const origin = { seq: n + 1, idx, arrivedMs: DAY_1 };
      if (n % 2 === 1 && idx % 2 === 1) {
        const step = idx + 1;
        const times = { issued_at: "2026-02-28T00:00:00Z", target_ts: "2026-03-01T00:00:00Z" };
        const record = {
          ...times,
          step,
          error: -idx,
          abs_pct_error: null,
          in_interval: idx % 4 === 1,
          model_version: `v${idx % 9}`,
        };
        buffer.add("score", "f", origin, record);
        expected.push([n + 1, idx, "score", null, -idx, `v${idx % 9}`]);
      } else {
        const record = { ts: "2026-03-01T00:00:00Z", entity, values: { value: idx / 8 } };
        buffer.add("observation", "s", origin, record);
        expected.push([n + 1, idx, "observation", entity ?? null, idx / 8, null]);
      }
    }
    await history.append({
      stream: STREAM,
      day: "2026-03-01",
      firstSeq: n + 1,
      lastSeq: n + 1,
      rows: buffer,
    });
    await history.upkeep(DAY_1);
  }
  const found = await history.read(async (relation, connection) => {
    const sql = `SELECT seq::INTEGER AS a, idx::INTEGER AS b, kind AS c, entity AS d, coalesce(value, error) AS e, model_version AS f FROM ${relation} ORDER BY seq, idx`;
    return (await rows(connection, sql)).map(({ a, b, c, d, e, f }) => [a, b, c, d, e === 0 ? 0 : e, f]);
  });
  expect(found).toEqual(expected.map((row) => (row as unknown[]).map((cell) => (cell === 0 ? 0 : cell))));
  expect(history.lastSequence(STREAM)).toBe(8);
  await history.close();
});

describe("windows of the history", () => {
  it("are ascending, with the newest arrival of each time, and equal bytes for equal content", async () => {
    const history = await History.open({ folder });
    await append(history, 5, [50, 60, 70]);
    await append(history, 1, [10, 20]);
    const late = new RowBuffer();
    late.add(
      "observation",
      "usdclp",
      { seq: 9, idx: 0, arrivedMs: DAY_1 },
      { ts: "2026-02-06T00:00:00Z", values: { value: 55 } },
    );
    late.add(
      "observation",
      "usdclp",
      { seq: 9, idx: 1, arrivedMs: DAY_1 },
      { ts: "2026-02-06T00:00:00Z", entity: "other", values: { value: -1 } },
    );
    await history.append({ stream: STREAM, day: "2026-03-01", firstSeq: 9, lastSeq: 9, rows: late });
    const query = { series: "usdclp", metric: "value", entity: null };
    const written = await writeWindow(history, query, join(folder, "a.parquet"));
    await history.upkeep(DAY_1 + DAY_MS);
    await writeWindow(history, query, join(folder, "b.parquet"));
    const window = await readWindow(join(folder, "a.parquet"));
    expect([...window.values]).toEqual([10, 20, 55, 60, 70]);
    expect(new Date(window.times[2]!).toISOString()).toBe("2026-02-06T00:00:00.000Z");
    expect(written).toEqual({ rows: 5, fromMs: window.times[0], toMs: window.times[4] });
    expect(await readFile(join(folder, "a.parquet"))).toEqual(await readFile(join(folder, "b.parquet")));
    const middle = { ...query, fromMs: window.times[1]!, toMs: window.times[3]! };
    await writeWindow(history, middle, join(folder, "c.parquet"));
    expect(await readWindow(join(folder, "c.parquet"))).toEqual({
      times: window.times.slice(1, 4),
      values: window.values.slice(1, 4),
    });
    await history.close();
  });

  it("are empty for an unknown series", async () => {
    const history = await History.open({ folder });
    const written = await writeWindow(
      history,
      { series: "nobody", metric: "value", entity: null },
      join(folder, "w.parquet"),
    );
    expect(written).toEqual({ rows: 0, fromMs: null, toMs: null });
    expect((await readWindow(join(folder, "w.parquet"))).times).toHaveLength(0);
    await history.close();
  });

  it("name the file that is no window", async () => {
    await writeFile(join(folder, "w.parquet"), "nonsense");
    await expect(readWindow(join(folder, "w.parquet"))).rejects.toThrow(/w\.parquet/);
    await expect(readWindow(join(folder, "none.parquet"))).rejects.toThrow(/none\.parquet/);
  });
});
