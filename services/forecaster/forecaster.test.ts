import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WindowReply } from "../../shared/contracts/inference-buffer.ts";
import { PredictReply } from "../../shared/contracts/telemetry.ts";
import { withMemory } from "../../shared/history/duckdb.ts";
import { writeQuery } from "../../shared/history/parquet.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { Harness, TINY_BOLT, until } from "./forecaster.fixture.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

describe("a forecaster", () => {
  it("forecasts after each new observation with the shipped model, once for all history", async () => {
    await using harness = await Harness.on(nats, "each");
    const artifact = await harness.client.bus.artifacts.putFile(TINY_BOLT);
    await harness.spec();
    const newest = await harness.observe(60);
    const revision = await harness.putLive(1, { model: "chronos-bolt", artifact });
    await harness.start();
    await until(async () => (await harness.predictions()).length === 1);
    const second = await harness.observe(1);
    const third = await harness.observe(1);
    const forecasts = await until(async () => {
      const found = await harness.predictions();
      return found.length >= 3 && found;
    });
    expect(forecasts.map(([first]) => first!.issued_at)).toEqual([newest, second, third]);
    const dayAfter = (days: number) => new Date(Date.parse(third) + days * 86_400_000).toISOString();
    expect(forecasts[2]).toMatchObject(
      [1, 2, 3].map((step) => ({ step, target_ts: dayAfter(step), known_entity: true })),
    );
    for (const record of forecasts.flat()) {
      expect(record.model_version).toBe(`v1-${artifact.slice(7, 15)}`);
      expect(record.lower).toBeLessThan(record.mean);
      expect(record.upper).toBeGreaterThan(record.mean);
      expect(record.mean).toBeGreaterThan(90);
      expect(record.mean).toBeLessThan(110);
      expect(Object.keys(record.quantiles!)).toHaveLength(9);
    }
    const reply = await harness.predict();
    expect(reply).toEqual({ forecaster: "each", live_revision: revision, predictions: forecasts[2] });
  });

  it("answers 400 while there is nothing to answer, and to an unknown entity", async () => {
    await using harness = await Harness.on(nats, "empty");
    await harness.spec();
    await harness.start();
    await expect(harness.predict()).rejects.toMatchObject({
      code: 400,
      message: expect.stringContaining("waiting for its first live config"),
    });
    expect(await harness.health()).toMatchObject({
      status: "waiting",
      live_revision: 0,
      model_version: null,
    });
    const revision = await harness.putLive(1);
    await until(async () => (await harness.health())?.live_revision === revision);
    await expect(harness.predict()).rejects.toMatchObject({
      code: 400,
      message: expect.stringContaining("no observation"),
    });
    await expect(harness.predict({ entity: "x" })).rejects.toMatchObject({
      code: 400,
      message: expect.stringContaining("'x' is unknown"),
    });
  });

  it("goes on after malformed, absurd, future, repeated and late observations", async () => {
    await using harness = await Harness.on(nats, "messy");
    await harness.spec({ bounds: { min: 0, max: 1000 } });
    await harness.putLive(1);
    const newest = await harness.observe(30);
    await harness.start();
    await until(async () => (await harness.predictions()).length === 1);
    const ts = new Date(Date.parse(newest) + 86_400_000).toISOString();
    await harness.observeRaw("{oh");
    await harness.observeRaw(JSON.stringify({ ts, values: { value: 1e12 } }));
    await harness.observeRaw(`{"ts":"${ts}","values":{"value":1e999}}`);
    await harness.observeRaw(JSON.stringify({ ts: "2031-01-01T00:00:00Z", values: { value: 100 } }));
    await harness.observeRaw(JSON.stringify({ ts: newest, values: { value: 100 } }));
    await harness.observeRaw(JSON.stringify({ ts: "2024-07-01T00:00:00Z", values: { value: 101 } }));
    const next = await harness.observe(1);
    await until(async () => (await harness.predictions()).length === 2);
    expect((await harness.predictions())[1]![0]!.issued_at).toBe(next);
    const refused = harness.context.log.lines.filter(({ message }) => message === "observations refused");
    expect(refused.map(({ fields }) => fields.first)).toEqual([
      expect.stringContaining("1000000000000, expected 0 to 1000"),
      expect.stringContaining("values.value"),
      expect.stringContaining("future"),
    ]);
  });

  it("gives one forecast for a delivery of history", async () => {
    await using harness = await Harness.on(nats, "burst");
    await harness.spec();
    await harness.putLive(1);
    await harness.start();
    const day = (n: number) => new Date(Date.parse("2024-06-01T00:00:00Z") + n * 86_400_000).toISOString();
    const history = Array.from({ length: 120 }, (_, n) => ({ ts: day(n), values: { value: n } }));
    await harness.observeRaw(JSON.stringify(history));
    await harness.observeRaw(JSON.stringify({ ts: day(120), values: { value: 120 } }));
    const forecasts = await until(async () => {
      const found = await harness.predictions();
      return found.at(-1)?.[0]?.issued_at === day(120) && found;
    });
    expect(forecasts.map(([first]) => first!.issued_at).slice(-2)).toEqual([day(119), day(120)]);
    expect(forecasts.length).toBeLessThanOrEqual(2);
  });

  it("publishes nothing twice when it is started again", async () => {
    await using harness = await Harness.on(nats, "again");
    await harness.spec();
    await harness.observe(30);
    await harness.putLive(1);
    const first = await harness.start();
    await until(async () => (await harness.predictions()).length === 1);
    await harness.stop(first);
    // Another version gives another message id, so the server's own recognition of repeats does not help here.
    const revision = await harness.putLive(2);
    await harness.start();
    await until(async () => (await harness.health())?.live_revision === revision);
    await harness.predict();
    const next = await harness.observe(1);
    const forecasts = await until(async () => {
      const found = await harness.predictions();
      return found.some(([record]) => record!.issued_at === next) && found;
    });
    expect(forecasts.map(([record]) => record!.model_version)).toEqual(["v1", "v2"]);
  });

  it("publishes a challenger's forecasts and never serves them", async () => {
    await using harness = await Harness.on(nats, "shadow");
    await harness.spec();
    await harness.observe(30);
    const champion = await harness.putLive(1);
    await harness.start();
    const run = newUuidV7();
    await harness.putLive(2, { model: "last-value", run_id: run }, "shadow.challenger");
    const challenger = `v2-${run.slice(-8)}`; // the next challenger of this champion is a version 2, too
    await until(async () => (await harness.predictions()).length === 2);
    await harness.observe(1);
    const forecasts = await until(async () => {
      const found = await harness.predictions();
      return found.length === 4 && found;
    });
    expect(forecasts.map(([record]) => [record!.variant, record!.model_version])).toEqual([
      [undefined, "v1"],
      ["challenger", challenger],
      [undefined, "v1"],
      ["challenger", challenger],
    ]);
    expect(forecasts[3]![0]!.issued_at).toBe(forecasts[2]![0]!.issued_at);
    const reply = await harness.predict();
    expect(reply.live_revision).toBe(champion);
    expect(
      reply.predictions.every(
        ({ variant, model_version }) => variant === undefined && model_version === "v1",
      ),
    ).toBe(true);
    expect(await harness.health()).toMatchObject({
      status: "ok",
      live_revision: champion,
      challenger: { model_version: challenger },
    });
  });

  it("takes up specs that appear later, and leaves disabled ones", async () => {
    await using harness = await Harness.on(nats, "later");
    await harness.start();
    await harness.observe(10);
    await harness.spec();
    await harness.putLive(1);
    await until(() => harness.predict().catch(() => undefined));
    await harness.spec({ enabled: false });
    await until(() =>
      harness.predict().then(
        () => false,
        () => true,
      ),
    );
  });

  it("starts with the history the inference buffer has and the stream does not", async () => {
    await using harness = await Harness.on(nats, "history", { RETUNE_WINDOW_TIMEOUT: "5s" });
    await using buffer = await testContext(nats, { name: "inference-buffer" });
    await mkdir(buffer.dirs.data, { recursive: true });
    const path = join(buffer.dirs.data, "window.parquet");
    const sql = `SELECT TIMESTAMP '2024-11-01' + INTERVAL (i) DAY AS ts, (100 + i)::DOUBLE AS value FROM range(30) t(i)`;
    await withMemory((connection) => writeQuery(connection, sql, path));
    const artifact = await buffer.bus.artifacts.putFile(path);
    const { lastSequence } = await buffer.bus.streamState("TELEMETRY");
    const window = {
      artifact,
      rows: 30,
      from: "2024-11-01T00:00:00Z",
      to: "2024-11-30T00:00:00Z",
      stream: { last_sequence: lastSequence },
    };
    const serving = await buffer.bus.serve({
      name: "inference-buffer",
      description: "a window",
      version: "0.1.0",
      endpoints: { "inference-buffer.window": async () => WindowReply.parse(window) },
    });
    await harness.spec();
    await harness.putLive(1, { model: "last-value" });
    await harness.start();
    const { predictions } = PredictReply.parse(await harness.predict());
    expect(predictions[0]).toMatchObject({ issued_at: "2024-11-30T00:00:00.000Z", mean: 129 });
    await serving.stop();
  });
});
