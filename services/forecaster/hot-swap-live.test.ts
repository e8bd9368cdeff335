import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../shared/bus/artifacts.ts";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { levelGraph } from "../../shared/forecasting/onnx-graphs.fixture.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { Harness, serving, TINY_BOLT, until } from "./forecaster.fixture.ts";
import { ThreadedModelHost } from "./model-host.ts";
import { ModelPool } from "./model-pool.ts";

const byColumn = (_: number, column: number) => column;
/** A small good model of its own content. */
const level = (shift: number) =>
  levelGraph({
    context: ["n", 64],
    block: [16, 9],
    offset: (row, column) => shift + byColumn(row, column) / 10,
  });

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

describe("swapping under requests (Shows 4)", () => {
  it("drops no request in 100 swaps and never serves an older revision after a newer", async () => {
    await using harness = await Harness.on(nats, "swaps");
    const artifacts = await Promise.all(
      [0, 1, 2].map((shift) => harness.client.bus.artifacts.put(level(shift))),
    );
    let revision = await serving(harness, { model: "chronos-bolt", artifact: artifacts[0] });
    let done = false;
    const answered: number[][] = [];
    const clients = Array.from({ length: 4 }, async () => {
      const seen: number[] = [];
      answered.push(seen);
      while (!done) {
        const reply = await harness.predict();
        expect(reply.predictions).toHaveLength(3);
        seen.push(reply.live_revision);
      }
    });
    for (let swap = 1; swap <= 100; swap += 1) {
      revision = await harness.putLive(1 + swap, {
        model: "chronos-bolt",
        artifact: artifacts[swap % 3],
        temperature: 1 + swap / 100,
      });
      // Every other swap is waited for; the rest come while one is going on.
      if (swap % 2 === 0) await until(async () => answered.some((seen) => seen.at(-1) === revision));
    }
    await until(async () => answered.every((seen) => seen.at(-1) === revision));
    done = true;
    await Promise.all(clients);
    for (const seen of answered) {
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(new Set(seen).size).toBeGreaterThan(40);
    }
    expect(
      await until(async () =>
        (await harness.health())?.live_revision === revision ? harness.health() : undefined,
      ),
    ).toMatchObject({
      status: "ok",
      failures: 0,
    });
  });

  it("acknowledges a revision in the health only once it is served", async () => {
    await using harness = await Harness.on(nats, "ack");
    await serving(harness);
    for (let version = 2; version < 12; version += 1) {
      const revision = await harness.putLive(version);
      await until(async () => (await harness.health())?.live_revision === revision);
      expect((await harness.predict()).live_revision).toBe(revision);
    }
  });
});

describe("a model that cannot be used", () => {
  for (const [defect, bytes, error] of [
    ["is truncated", async () => (await readFile(TINY_BOLT)).subarray(0, 1_000_000), /truncated or damaged/],
    ["is no ONNX file", async () => Buffer.from("PK\u0003\u0004 this is something else"), /not an ONNX file/],
    ["is empty", async () => Buffer.alloc(0), /empty/],
    [
      "has another shape",
      async () => levelGraph({ context: ["n", 64], block: [16, 7], offset: byColumn }),
      /levels/,
    ],
    [
      "answers with NaN",
      async () => levelGraph({ context: ["n", 64], block: [16, 9], offset: () => Number.NaN }),
      /not finite/,
    ],
  ] as const) {
    it(`because it ${defect} changes nothing but the health`, async () => {
      await using harness = await Harness.on(nats, `bad-${defect.replaceAll(" ", "-")}`);
      const revision = await serving(harness);
      const artifact = await harness.client.bus.artifacts.put(await bytes());
      await harness.putLive(2, { model: "chronos-bolt", artifact });
      const health = await until(async () => {
        const found = await harness.health();
        return found?.status === "degraded" && found;
      });
      expect(health).toMatchObject({
        live_revision: revision,
        model_version: "v1",
        error: expect.stringMatching(error),
      });
      expect((await harness.predict()).live_revision).toBe(revision);
      expect(harness.context.problems.get(`forecaster ${harness.id}`)).toMatch(error);
      const repaired = await harness.putLive(3);
      await until(async () => {
        const found = await harness.health();
        return found?.status === "ok" && found.live_revision === repaired;
      });
    });
  }

  it("because its artifact is not there yet is tried again until it is", async () => {
    await using harness = await Harness.on(nats, "absent");
    const old = await serving(harness);
    const bytes = level(5);
    const revision = await harness.putLive(2, { model: "chronos-bolt", artifact: digestOf(bytes) });
    const degraded = await until(async () => {
      const found = await harness.health();
      return found?.status === "degraded" && found;
    });
    expect(degraded).toMatchObject({
      live_revision: old,
      error: expect.stringContaining("is not in the object store"),
    });
    await harness.client.bus.artifacts.put(bytes);
    await until(async () => (await harness.predict()).live_revision === revision);
  });

  it("because its config breaks the contract changes nothing but the health", async () => {
    await using harness = await Harness.on(nats, "broken");
    const revision = await serving(harness);
    const broken = { ...harness.liveConfig(2), temperature: -1 };
    await harness.client.bus.kv("live-configs", LiveConfig).put(harness.id, broken);
    await until(async () => /temperature/.test((await harness.health())?.error ?? ""));
    expect((await harness.predict()).live_revision).toBe(revision);
  });
});

describe("sessions", () => {
  it("are shared by forecasters of one artifact and freed with the last", async () => {
    await using harness = await Harness.on(nats, "sharing");
    const host = new ThreadedModelHost(2);
    const pool = new ModelPool(harness.context.bus.artifacts, host);
    const artifact = await harness.client.bus.artifacts.put(level(9));
    const both = await Promise.all([1, 2].map(() => pool.acquire({ model: "chronos-bolt", artifact })));
    expect(pool.size).toBe(1);
    await both[0]!.release();
    const spec = { horizon: 2, context_length: 32, num_samples: 50, temperature: 1, seed: 1 };
    const context = Float32Array.from({ length: 32 }, () => 10);
    const [forecast] = await both[1]!.forecast([context], spec);
    expect(forecast!.mean.every(Number.isFinite)).toBe(true);
    await both[1]!.release();
    expect(pool.size).toBe(0);
    await host.close();
  });
});
