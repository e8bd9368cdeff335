import { readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { BufferStats, WindowReply } from "../../shared/contracts/inference-buffer.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { rows } from "../../shared/history/duckdb.ts";
import { History } from "../../shared/history/history.ts";
import { RowBuffer } from "../../shared/history/row-buffer.ts";
import { readWindow } from "../../shared/history/window.ts";
import { DAY_MS, day, observation, prediction, START } from "./buffer.fixture.ts";
import { context, startBuffer, stopBuffer, useBuffer } from "./harness.fixture.ts";

useBuffer();

let messageId = 0;
const publish = (kind: "observation" | "prediction", id: string, ...records: object[]) =>
  context.bus.publishTelemetry(kind, id, records, `m-${messageId++}`);
const stats = () => context.bus.request("inference-buffer.stats", undefined, BufferStats);
const window = (payload: object) => context.bus.request("inference-buffer.window", payload, WindowReply);
const apply = (forecaster: string, series: string, more: object = {}) =>
  context.bus
    .kv("specs", ForecasterSpec)
    .put(forecaster, ForecasterSpec.parse({ forecaster, series, horizon: "7d", ...more }));

async function scoresOf(forecaster: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for await (const message of context.bus.read("TELEMETRY", { filter: `telemetry.score.${forecaster}` }))
    found.push(...([message.json()].flat() as Record<string, unknown>[]));
  return found;
}

async function until<T>(probe: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 200; tries++) {
    const value = await probe();
    if (holds(value)) return value;
    await sleep(25);
  }
  throw new Error(`never came: ${JSON.stringify(await probe())}`);
}

async function stored(where: string): Promise<Record<string, unknown>[]> {
  const history = await History.open({ folder: join(context.dirs.data, "history") });
  try {
    return await history.read((relation, connection) =>
      rows(connection, `SELECT * FROM ${relation} WHERE ${where} ORDER BY seq, idx`),
    );
  } finally {
    await history.close();
  }
}

describe("inference-buffer", () => {
  it("hands out everything that was published as a window, without gaps, duplicates or disorder", async () => {
    await startBuffer();
    await publish("observation", "w1", observation(3, 30), observation(1, 10));
    await publish("observation", "w1", observation(2, 21));
    await publish("observation", "w1", observation(2, 20), observation(3, 30));
    const last = await publish("observation", "w1", { ts: day(2), entity: "else", values: { value: -5 } });
    const reply = await window({ series: "w1", metric: "value" });
    expect(reply).toMatchObject({ rows: 3, from: day(1), to: day(3), stream: { last_sequence: last } });
    const { times, values } = await readWindow(await context.bus.artifacts.fetch(reply.artifact));
    expect([...values]).toEqual([10, 20, 30]);
    expect(times[0]).toBe(START + DAY_MS);
    expect(await window({ series: "w1", metric: "value" })).toEqual(reply);
    expect(await window({ series: "w1", metric: "value", from: day(2), to: day(2) })).toMatchObject({
      rows: 1,
    });
    expect(await window({ series: "w1", metric: "value", entity: "else" })).toMatchObject({ rows: 1 });
    expect(await window({ series: "nobody", metric: "value" })).toMatchObject({
      rows: 0,
      from: null,
      to: null,
    });
    await expect(window({ series: "no token", metric: "value" })).rejects.toThrow(/series/);
  });

  it("publishes a score for each prediction when its truth arrives", async () => {
    await apply("s1-7d", "s1");
    await startBuffer();
    await publish("observation", "s1", observation(0, 100));
    await publish("prediction", "s1-7d", prediction(0, 1, 103), prediction(0, 2, 104));
    await publish("observation", "s1", observation(1, 101));
    const scores = await until(
      () => scoresOf("s1-7d"),
      (found) => found.length > 0,
    );
    expect(scores).toEqual([
      {
        issued_at: day(0),
        target_ts: day(1),
        step: 1,
        error: 2,
        abs_pct_error: 200 / 101,
        in_interval: false,
        model_version: "v1",
        naive_error: -1,
        mean: 103,
        actual: 101,
      },
    ]);
    await until(stats, (each) => each.pending_predictions === 1 && each.scored === 1);
  });

  it("scores what was waiting before a restart, and nothing twice", async () => {
    await apply("r1-7d", "r1");
    await startBuffer();
    await publish("observation", "r1", observation(0, 1));
    await publish("prediction", "r1-7d", prediction(0, 1, 1), prediction(0, 2, 2), prediction(0, 3, 3));
    await publish("observation", "r1", observation(1, 1));
    await until(
      () => scoresOf("r1-7d"),
      (found) => found.length === 1,
    );
    await stopBuffer();
    await publish("observation", "r1", observation(2, 1));
    await startBuffer();
    await publish("observation", "r1", observation(3, 1));
    const scores = await until(
      () => scoresOf("r1-7d"),
      (found) => found.length >= 3,
    );
    expect(scores.map(({ error }) => error)).toEqual([0, 1, 2]);
    expect(scores[2]).toMatchObject({ naive_error: 0 });
  });

  it("scores the past of a forecaster whose spec comes later", async () => {
    await startBuffer();
    await publish("observation", "l1", observation(0, 1));
    await publish("prediction", "l1-7d", prediction(0, 1, 5));
    await publish("observation", "l1", observation(1, 4));
    await window({ series: "l1", metric: "value" });
    expect(await scoresOf("l1-7d")).toEqual([]);
    await apply("l1-7d", "l1");
    expect(
      await until(
        () => scoresOf("l1-7d"),
        (found) => found.length > 0,
      ),
    ).toMatchObject([{ error: 1, naive_error: -3 }]);
  });

  it("quarantines bad records with a reason and keeps their neighbours", async () => {
    await apply("q1-7d", "q1", { bounds: { min: 0 } });
    await startBuffer();
    await publish(
      "observation",
      "q1",
      observation(1, 1),
      observation(2, -1),
      { ts: "yesterday", values: { value: 3 } },
      observation(4, 4),
    );
    await context.bus.store("telemetry.observation.q1", "{not json", "bad-1");
    await context.bus.store("telemetry.nonsense.q1", "{}", "bad-2");
    await publish("observation", "q1", observation(5, 5));
    expect(await window({ series: "q1", metric: "value" })).toMatchObject({ rows: 3 });
    const { quarantined } = await stats();
    expect(quarantined).toBe(4);
    const [file] = await readdir(join(context.dirs.data, "quarantine"));
    expect(file).toMatch(/^quarantine_\d{4}-\d\d-\d\d\.ndjson$/);
    const lines = (await readFile(join(context.dirs.data, "quarantine", file!), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ idx, reason }) => [idx, reason])).toEqual([
      [1, expect.stringContaining("values.value is -1: expected 0")],
      [2, expect.stringContaining("ts is")],
      [-1, expect.stringContaining("expected JSON")],
      [-1, expect.stringContaining("subject")],
    ]);
    const letters = async () => {
      const found: unknown[] = [];
      for await (const message of context.bus.read("DECISIONS", { filter: "alert.raised.dead-letter.*" }))
        found.push(message.json());
      return found;
    };
    expect(await until(letters, (found) => found.length > 0)).toHaveLength(1);
    await stopBuffer();
    await startBuffer();
    expect((await stats()).quarantined).toBe(4);
  });

  it("writes no file while nothing arrives", async () => {
    await startBuffer();
    await window({ series: "idle", metric: "value" });
    const files = async () => [
      ...(await readdir(join(context.dirs.data, "history"))),
      await readFile(join(context.dirs.data, "history", "manifest.ndjson"), "utf8"),
    ];
    const before = await files();
    await sleep(200);
    expect(await files()).toEqual(before);
  });

  it("waits for a disk that takes nothing, says so, and loses nothing", async () => {
    await startBuffer();
    await rename(join(context.dirs.data, "history"), join(context.dirs.data, "gone"));
    await publish("observation", "d1", observation(1, 1));
    await until(
      async () => context.problems.get("disk"),
      (problem) => problem !== undefined,
    );
    await rename(join(context.dirs.data, "gone"), join(context.dirs.data, "history"));
    expect(await window({ series: "d1", metric: "value" })).toMatchObject({ rows: 1 });
    expect(context.problems.get("disk")).toBeUndefined();
  });

  it("keeps rows in the order of the stream, dropping only repeats", async () => {
    await apply("o1-7d", "o1");
    await startBuffer();
    for (let n = 0; n < 50; n++) await publish("observation", "o1", observation(n % 40, n % 40));
    await window({ series: "o1", metric: "value" });
    await stopBuffer();
    const found = await stored("id = 'o1'");
    expect(found.map(({ value }) => value)).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });

  for (const [setting, kept] of [
    [undefined, ["observation"]],
    ["90", []],
  ] as const) {
    it(`keeps old observations as ${setting === undefined ? "the specs need them" : "it is told to"} (D-BUF-1)`, async () => {
      const arrivedMs = Date.now() - 100 * DAY_MS;
      const history = await History.open({ folder: join(context.dirs.data, "history") });
      const batch = new RowBuffer();
      batch.add("observation", "aged", { seq: 1, idx: 0, arrivedMs }, observation(0, 5));
      batch.add("prediction", "aged-7d", { seq: 1, idx: 1, arrivedMs }, prediction(0, 1, 5));
      const stream = "an earlier stream";
      const arrival = history.dayOf(arrivedMs);
      await history.append({ stream, day: arrival, firstSeq: 1, lastSeq: 1, rows: batch });
      await history.close();
      await apply("aged-7d", "aged");
      const env = setting === undefined ? {} : { RETUNE_HISTORY_OBSERVATIONS_DAYS: setting };
      await startBuffer(env);
      await until(
        () => readdir(join(context.dirs.data, "history")),
        (names) => !names.some((name) => name.startsWith(`metrics_${arrival}.part`)),
      );
      expect(await window({ series: "aged", metric: "value" })).toMatchObject({ rows: kept.length });
      await stopBuffer();
      expect((await stored("id LIKE 'aged%'")).map(({ kind }) => kind)).toEqual(kept);
    });
  }
});
