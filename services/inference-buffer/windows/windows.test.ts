import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IncidentsState, incidentsKey } from "../../../shared/contracts/incidents.ts";
import { BufferStats, WindowReply } from "../../../shared/contracts/inference-buffer.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { newEvent } from "../../../shared/events.ts";
import { quote, rows, withMemory } from "../../../shared/history/duckdb.ts";
import { readWindow } from "../../../shared/history/window.ts";
import type { RunningService } from "../../../shared/service.ts";
import { type TestContext, testContext } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { day, observation, prediction } from "../buffer.fixture.ts";
import { service } from "../main.ts";

let nats: TestNats;
let context: TestContext;
let running: RunningService;

beforeAll(async () => {
  nats = await startTestNats();
  context = await testContext(nats, { env: { RETUNE_BUFFER_FLUSH_MS: "20" } });
  const contracts = join(context.dirs.configs, "series");
  await mkdir(contracts, { recursive: true });
  await writeFile(join(contracts, "slow.yaml"), "series: slow\nmax_gap: 20d\n");
  await context.bus
    .kv("specs", ForecasterSpec)
    .put("scored-7d", ForecasterSpec.parse({ forecaster: "scored-7d", series: "scored", horizon: "7d" }));
  running = await service.start(context);
});
afterAll(async () => {
  await running.stop();
  await context[Symbol.asyncDispose]();
  await nats.stop();
});

let messageId = 0;
const publish = (id: string, ...records: object[]) =>
  context.bus.publishTelemetry("observation", id, records, `m-${messageId++}`);
const window = (payload: object) => context.bus.request("inference-buffer.window", payload, WindowReply);
const days = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const of = (entity: string, from: number, to: number, value = 1) =>
  days(from, to).map((n) => ({ ...observation(n, value), entity }));

async function content(reply: WindowReply, columns: string): Promise<Record<string, unknown>[]> {
  const path = await context.bus.artifacts.fetch(reply.artifact);
  return withMemory((connection) => rows(connection, `SELECT ${columns} FROM read_parquet(${quote(path)})`));
}

async function raiseIncident(
  series: string,
  incident: string,
  from: number,
  to: number | null,
): Promise<void> {
  const data = {
    incident,
    scope: { series },
    from: day(from),
    to: to === null ? null : day(to),
    reason: "feed broken",
    by: "ana",
  };
  const event = newEvent({
    source: "retune/test",
    type: "t",
    subject: series,
    timeMs: context.clock.now(),
    data,
  });
  await context.bus.publishEvent(`alert.raised.incident.${series}`, event);
  const known = async () => (await context.bus.kv("states", IncidentsState).get(incidentsKey(series)))?.value;
  while (!(await known())?.incidents.some((each) => each.incident === incident)) await sleep(20);
}

describe("a window of one entity", () => {
  it("counts days back from the newest observation, however old it is, or from `to`", async () => {
    await publish("ended", ...days(0, 50).map((n) => observation(n, n)));
    await publish("ended", { ...observation(100, 1), entity: "else" });
    expect(await window({ series: "ended", days: 10 })).toMatchObject({
      rows: 11,
      from: day(40),
      to: day(50),
    });
    expect(await window({ series: "ended", days: 1.5, to: day(20) })).toMatchObject({
      rows: 2,
      from: day(19),
    });
    expect(await window({ series: "ended", days: 3, entity: "else" })).toMatchObject({
      rows: 1,
      from: day(100),
    });
    expect(await window({ series: "nobody", days: 3 })).toMatchObject({ rows: 0, from: null, gaps: [] });
    await expect(window({ series: "ended", days: 3, from: day(1) })).rejects.toThrow(
      /expected either from or days/,
    );
  });

  it("names silences longer than three usual steps, or than the contract's max_gap, the longest first", async () => {
    const present = [...days(0, 5), 9, 10, 11, ...days(20, 22), 25];
    const silence = (from: number, to: number) => ({ from: day(from), to: day(to), cause: "silence" });
    for (const [series, gaps] of [
      ["gappy", [silence(11, 20), silence(5, 9)]],
      ["slow", []],
    ] as const) {
      await publish(series, ...present.map((n) => observation(n, n)));
      expect(await window({ series })).toMatchObject({ rows: 13, gaps, gaps_total: gaps.length });
    }
  });

  it("leaves incidents out where it is asked to, and names them as gaps with their cause", async () => {
    await publish("hurt", ...days(0, 19).map((n) => observation(n, n)));
    await raiseIncident("hurt", "a", 5, 10);
    const asked = { series: "hurt", incidents: "leave-out" };
    expect(await window({ series: "hurt" })).toMatchObject({ rows: 20, gaps: [] });
    const reply = await window(asked);
    expect(reply).toMatchObject({
      rows: 15,
      gaps: [{ from: day(5), to: day(10), cause: "incident" }],
      gaps_total: 1,
    });
    const { values } = await readWindow(await context.bus.artifacts.fetch(reply.artifact));
    expect([...values]).toEqual([...days(0, 4), ...days(10, 19)]);
    await raiseIncident("hurt", "b", 18, null);
    expect(await window(asked)).toMatchObject({
      rows: 13,
      to: day(17),
      gaps: [{ from: day(5) }, { from: day(18), to: null, cause: "incident" }],
    });
    expect(await window({ ...asked, from: day(12), to: day(15) })).toMatchObject({ rows: 4, gaps: [] });
  });

  it("is made once for everybody who asks at the same time, and again only when something has come", async () => {
    const made = async () => (await readdir(join(context.dirs.data, "artifacts"))).length;
    await publish("asked", observation(1, 123));
    const before = await made();
    const replies = await Promise.all(Array.from({ length: 5 }, () => window({ series: "asked" })));
    expect(new Set(replies.map(({ artifact }) => artifact)).size).toBe(1);
    expect(await made()).toBe(before + 1);
    await publish("asked", observation(2, 456));
    expect(await window({ series: "asked" })).toMatchObject({ rows: 2 });
  });
});

describe("a window of all entities (C-DAT-1)", () => {
  const asked = { series: "fleet", entities: "all", days: 30, min_samples: 20 };

  it("has every fit entity in order, names who is out and why, and who is missing", async () => {
    const whole = of("whole", 0, 59);
    await publish("fleet", ...whole.slice(0, 30), ...of("young", 55, 59), ...of("../../odd", 10, 59, 3));
    await publish(
      "fleet",
      ...whole.slice(30),
      ...of("thin", 45, 59),
      ...of("gone", 0, 20),
      ...of("lost", 0, 25),
    );
    await publish("fleet", ...days(0, 59).map((n) => observation(n, 7)));
    await publish("fleet", { ts: day(50), entity: "other-metric", values: { load: 1 } });
    await publish("fleet", { ...observation(40, 42), entity: "whole" });
    const status = [
      {
        series: "fleet",
        silent: [
          { entity: "gone", state: "sunset" },
          { entity: "lost", state: "sunset-candidate" },
        ],
      },
    ];
    const fleet = await context.bus.serve({
      name: "fleet-monitor",
      description: "the answer of a fleet monitor",
      version: "1.0.0",
      endpoints: { "fleet-monitor.status": async () => status },
    });
    const reply = await window(asked);
    await fleet.stop();
    expect(reply).toMatchObject({
      rows: 3 * 31,
      entities: 3,
      from: day(29),
      to: day(59),
      excluded: [
        { entity: "gone", reason: "confirmed sunset" },
        { entity: "lost", reason: "silent since 2024-06-26" },
        { entity: "thin", reason: "15 samples, fewer than 20" },
        { entity: "young", reason: "4.0 d of history, fewer than 7" },
      ],
      excluded_total: 4,
      missing: ["other-metric"],
      missing_total: 1,
      gaps: [],
    });
    const found = await content(reply, "entity, epoch_ms(ts)::DOUBLE AS t, value");
    expect(found.map(({ entity }) => entity)).toEqual(
      [null, "../../odd", "whole"].flatMap((e) => Array(31).fill(e)),
    );
    expect(found.filter(({ entity }) => entity === "whole").map(({ t }) => t)).toEqual(
      days(29, 59).map((n) => Date.parse(day(n))),
    );
    expect(found.filter(({ value }) => value === 42)).toEqual([
      { entity: "whole", t: Date.parse(day(40)), value: 42 },
    ]);
  });

  it("takes the long silent for sunset where the fleet monitor is mute, and says so", async () => {
    const reply = await window({ ...asked, days: 90 });
    expect(reply.excluded?.slice(0, 2)).toEqual([
      {
        entity: "gone",
        reason: "silent since 2024-06-21, taken for sunset: the fleet monitor did not answer",
      },
      {
        entity: "lost",
        reason: "silent since 2024-06-26, taken for sunset: the fleet monitor did not answer",
      },
    ]);
    expect(reply.rows).toBe(60 + 50 + 60);
  });

  it("names gaps by entity and leaves incidents out by itself", async () => {
    await publish("gaps", ...of("a", 0, 10), ...of("a", 16, 30), ...of("b", 0, 30));
    await raiseIncident("gaps", "c", 20, 22);
    const reply = await window({ series: "gaps", entities: "all", min_samples: 1 });
    expect(reply).toMatchObject({
      rows: 24 + 29,
      gaps: [
        { entity: "a", from: day(10), to: day(16), cause: "silence" },
        { from: day(20), to: day(22), cause: "incident" },
      ],
    });
    const kept = await window({ series: "gaps", entities: "all", min_samples: 1, incidents: "keep" });
    expect(kept).toMatchObject({ rows: 26 + 31, gaps: [{ entity: "a" }] });
  });

  it("is empty, and names everybody, where nobody is fit", async () => {
    await publish("unfit", ...of("a", 0, 2));
    expect(await window({ series: "unfit", entities: "all" })).toMatchObject({
      rows: 0,
      entities: 0,
      from: null,
      excluded: [{ entity: "a", reason: "2.0 d of history, fewer than 7" }],
    });
  });
});

describe("a window of scores", () => {
  it("has the forecaster's scores by issue and step, incidents left out where it is asked to", async () => {
    const made = days(0, 5).flatMap((n) => [prediction(n, n + 1, n), prediction(n, n + 2, n)]);
    await context.bus.publishTelemetry("prediction", "scored-7d", made, "predictions");
    await publish("scored", ...days(0, 8).map((n) => observation(n, 1)));
    const stats = () => context.bus.request("inference-buffer.stats", undefined, BufferStats);
    while ((await stats()).scored < 12) await sleep(20);
    const asked = { series: "scored", forecaster: "scored-7d", kind: "score" };
    const reply = await window(asked);
    expect(reply).toMatchObject({ rows: 12, from: day(1), to: day(7) });
    const found = await content(
      reply,
      "epoch_ms(issued_at)::DOUBLE AS issued, step::INTEGER AS step, mean, actual, error",
    );
    expect(found.slice(0, 3)).toEqual([
      { issued: Date.parse(day(0)), step: 1, mean: 0, actual: 1, error: -1 },
      { issued: Date.parse(day(0)), step: 2, mean: 0, actual: 1, error: -1 },
      { issued: Date.parse(day(1)), step: 1, mean: 1, actual: 1, error: 0 },
    ]);
    expect(await window({ ...asked, days: 2 })).toMatchObject({ rows: 5, from: day(5) });
    await raiseIncident("scored", "x", 3, 4);
    expect(await window({ ...asked, incidents: "leave-out" })).toMatchObject({ rows: 8 });
    await expect(window({ series: "scored", kind: "score" })).rejects.toThrow(
      /'forecaster': expected the forecaster/,
    );
  });
});
