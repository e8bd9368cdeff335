import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { DeadLetter } from "../contracts/alerts.ts";
import type { StepData } from "../contracts/envelope.ts";
import { subjects } from "../contracts/subjects.ts";
import { InvalidInputError, StaleStateError, UnavailableError } from "../errors.ts";
import { newEvent } from "../events.ts";
import { newUuidV7 } from "../ids.ts";
import { ServiceError } from "./bus.ts";
import type { Message } from "./message.ts";

let nats: TestNats;
let a: TestContext;
let b: TestContext;
beforeAll(async () => {
  nats = await startTestNats();
  a = await testContext(nats, { name: "a" });
  b = await testContext(nats, { name: "b" });
});
afterAll(async () => {
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
  await nats.stop();
});

function step(context: TestContext, run: string, note: string) {
  const data: StepData & { note: string } = {
    run_id: run,
    forecaster: "f",
    caused_by: [],
    evidence: { code_version: "t" },
    note,
  };
  return newEvent({ source: context.source, type: "t", subject: "f", timeMs: context.clock.now(), data });
}

describe("publishing a step once", () => {
  it("lets one of many racing writers win, and the losers adopt it", async () => {
    const run = newUuidV7();
    const subject = subjects.step("accepted", "f", run);
    const writers = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? a : b));
    const published = await Promise.all(
      writers.map((each, i) => each.bus.publishOnce(subject, step(each, run, `${i}`))),
    );
    expect(published.filter(({ won }) => won)).toHaveLength(1);
    expect(new Set(published.map(({ event }) => event.id)).size).toBe(1);
    expect(new Set(published.map(({ sequence }) => sequence)).size).toBe(1);
  });

  it("gives a stage one outcome even where the outcomes are different steps", async () => {
    for (let i = 0; i < 20; i++) {
      const run = newUuidV7();
      const outcomes = await Promise.all([
        a.bus.conclude("validation", "approved", step(a, run, "yes")),
        b.bus.conclude("validation", "rejected", step(b, run, "no")),
        b.bus.conclude("validation", "failed", step(b, run, "oh")),
      ]);
      expect(new Set(outcomes.map((each) => each.step)).size).toBe(1);
      const there = await Promise.all(
        (["approved", "rejected", "failed"] as const).map((each) =>
          a.bus.lastMessage("DECISIONS", subjects.step(each, "f", run)),
        ),
      );
      expect(there.filter((each) => each !== undefined)).toHaveLength(1);
    }
  });

  it("finishes what a claimer that died left unpublished", async () => {
    const run = newUuidV7();
    const dead = step(a, run, "claimed, then died");
    await a.bus.kv("states", z.unknown()).create(`claim.${run}.search`, { step: "searched", event: dead });
    const outcome = await b.bus.conclude("search", "failed", step(b, run, "later"));
    expect(outcome).toMatchObject({ step: "searched", won: false, event: { id: dead.id } });
  });
});

describe("consuming", () => {
  it("redelivers what failed, with its neighbours handled", async () => {
    const seen: string[] = [];
    const consumption = await a.bus.consume({
      stream: "DECISIONS",
      durable: "retrying",
      filter: "retrain.evaluated.retry",
      handler: async ([message]) => {
        const { n } = message!.json() as { n: number };
        seen.push(`${n}:${message!.deliveries}`);
        if (n === 1 && message!.deliveries < 3) throw new Error("not yet");
      },
    });
    for (const n of [0, 1, 2])
      await a.bus.store("retrain.evaluated.retry", JSON.stringify({ n }), `retry-${n}`);
    await expect.poll(() => seen.toSorted(), { timeout: 5_000 }).toEqual(["0:1", "1:1", "1:2", "1:3", "2:1"]);
    await consumption.stop();
  });

  it("keeps a poisoned message as a dead letter with its bytes, once, and goes on", async () => {
    const handled: number[] = [];
    const consumption = await a.bus.consume({
      stream: "DECISIONS",
      durable: "poisoned",
      filter: "retrain.evaluated.poison",
      batch: 10,
      lingerMs: 100,
      handler: async (messages: readonly Message[]) => {
        const parsed = messages.map((each) => each.json() as { n: number });
        handled.push(...parsed.map(({ n }) => n));
      },
    });
    await a.bus.store("retrain.evaluated.poison", '{"n":1}', "poison-1");
    const sequence = await a.bus.store("retrain.evaluated.poison", "{broken", "poison-2");
    await a.bus.store("retrain.evaluated.poison", '{"n":3}', "poison-3");
    await expect.poll(() => handled.toSorted(), { timeout: 5_000 }).toEqual([1, 3]);
    const subject = subjects.alert("raised", "dead-letter", `DECISIONS-poisoned-${sequence}`);
    await expect.poll(() => a.bus.lastMessage("DECISIONS", subject), { timeout: 5_000 }).toBeDefined();
    const event = (await a.bus.lastMessage("DECISIONS", subject))!.json() as { data: unknown };
    const letter = DeadLetter.parse(event.data);
    expect(Buffer.from(letter.payload, "base64").toString()).toBe("{broken");
    expect(letter.error).toContain("retrain.evaluated.poison");
    await consumption.stop();
  });

  it("keeps the server informed while a handler works longer than the ack wait", async () => {
    const deliveries: number[] = [];
    const consumption = await a.bus.consume({
      stream: "DECISIONS",
      durable: "slow",
      filter: "retrain.evaluated.slow",
      ackWaitMs: 400,
      handler: async ([message]) => {
        deliveries.push(message!.deliveries);
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      },
    });
    await a.bus.store("retrain.evaluated.slow", "{}", "slow-1");
    await expect.poll(() => deliveries.length, { timeout: 3_000 }).toBe(1);
    await consumption.stop();
    expect(deliveries).toEqual([1]);
  });

  it("goes on at once after the server died", async () => {
    const seen: unknown[] = [];
    const consumption = await a.bus.consume({
      stream: "DECISIONS",
      durable: "surviving",
      filter: "retrain.evaluated.survive",
      handler: async ([message]) => {
        seen.push(message!.json());
      },
    });
    await nats.kill9AndRestart();
    await a.bus.store("retrain.evaluated.survive", '{"n":1}', "survive-1");
    // Well below the 12.5 s after which a pull without any sign of life is given up.
    await expect.poll(() => seen, { timeout: 5_000 }).toEqual([{ n: 1 }]);
    await consumption.stop();
  });

  it("shares the messages of a durable among processes", async () => {
    const seen: number[] = [];
    const handler = async (messages: readonly Message[]) => {
      seen.push(...messages.map(({ sequence }) => sequence));
    };
    const options = {
      stream: "DECISIONS",
      durable: "shared",
      filter: "retrain.evaluated.shared",
      handler,
    } as const;
    const both = await Promise.all([a.bus.consume(options), b.bus.consume(options)]);
    const sequences = await Promise.all(
      Array.from({ length: 50 }, (_, i) => a.bus.store("retrain.evaluated.shared", "{}", `shared-${i}`)),
    );
    await expect
      .poll(() => seen.toSorted((x, y) => x - y), { timeout: 5_000 })
      .toEqual(sequences.toSorted((x, y) => x - y));
    await Promise.all(both.map((each) => each.stop()));
  });
});

describe("key-value buckets", () => {
  const Count = z.object({ count: z.number() });

  it("refuse a write on a stale revision", async () => {
    const bucket = a.bus.kv("states", Count);
    const revision = await bucket.create("cas", { count: 1 });
    await b.bus.kv("states", Count).update("cas", { count: 2 }, revision);
    await expect(bucket.update("cas", { count: 3 }, revision)).rejects.toThrow(StaleStateError);
    await expect(bucket.create("cas", { count: 0 })).rejects.toThrow(StaleStateError);
    expect(await bucket.get("cas")).toMatchObject({ value: { count: 2 } });
  });

  it("name key and field of a value that breaks its schema", async () => {
    await a.bus.kv("states", z.unknown()).put("odd", { count: "three" });
    await expect(a.bus.kv("states", Count).get("odd")).rejects.toThrow(
      /'odd' in bucket 'states': field 'count'/,
    );
  });

  it("hand a watcher the current values, then the changes", async () => {
    const bucket = a.bus.kv("states", Count);
    await bucket.put("w.1", { count: 1 });
    await bucket.put("w.2", { count: 2 });
    const seen: (string | null)[] = [];
    const watch = await b.bus.kv("states", Count).watch("w.>", ({ key, value }) => {
      seen.push(value === null ? `${key}=gone` : `${key}=${value.count}`);
    });
    expect(seen.toSorted()).toEqual(["w.1=1", "w.2=2"]);
    await bucket.put("w.1", { count: 3 });
    await bucket.delete("w.2");
    await expect.poll(() => seen.slice(2)).toEqual(["w.1=3", "w.2=gone"]);
    watch.stop();
  });

  it("republish committed writes of live configs, and only those", async () => {
    const seen: unknown[] = [];
    const subscription = b.bus.subscribeCore("live.committed.x", (value, { header }) => {
      seen.push([value, header("Nats-Sequence") !== undefined]);
    });
    await subscription.ready;
    const bucket = a.bus.kv("live-configs", Count);
    const revision = await bucket.create("x", { count: 1 });
    await bucket.update("x", { count: 9 }, revision + 100).catch(() => {});
    await bucket.update("x", { count: 2 }, revision);
    await expect
      .poll(() => seen)
      .toEqual([
        [{ count: 1 }, true],
        [{ count: 2 }, true],
      ]);
    subscription.stop();
  });
});

describe("artifacts", () => {
  it("come back whole through another process, under the digest of their content", async () => {
    const bytes = new Uint8Array(3_000_000).map((_, i) => (i * 7919) % 251);
    const digest = await a.bus.artifacts.put(bytes);
    const path = await b.bus.artifacts.fetch(digest);
    const { readFile, writeFile } = await import("node:fs/promises");
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
    await writeFile(path, "damaged");
    expect(Buffer.compare(await readFile(await b.bus.artifacts.fetch(digest)), bytes)).toBe(0);
  });

  it("that nobody stored are reported missing", async () => {
    await expect(a.bus.artifacts.fetch(`sha256-${"0".repeat(64)}`)).rejects.toThrow(
      /not in the object store/,
    );
  });
});

describe("micro services", () => {
  it("answer discovery and requests, and tell a caller's mistake from their own", async () => {
    const serving = await a.bus.serve({
      name: "adder",
      description: "adds",
      version: "1.0.0",
      endpoints: {
        "adder.add": async (payload) => ({ sum: (payload as { n: number[] }).n.reduce((x, y) => x + y, 0) }),
        "adder.refuse": async () => {
          throw new InvalidInputError("field 'n' is missing");
        },
      },
      stats: () => ({ lag: 0 }),
    });
    expect(await b.bus.request("adder.add", { n: [1, 2] }, z.object({ sum: z.number() }))).toEqual({
      sum: 3,
    });
    await expect(b.bus.request("adder.refuse", {}, z.unknown())).rejects.toThrow(
      new ServiceError("field 'n' is missing", 400),
    );
    expect(await b.bus.request("$SRV.PING.adder", undefined, z.unknown())).toMatchObject({
      type: "io.nats.micro.v1.ping_response",
      name: "adder",
    });
    expect(await b.bus.request("$SRV.STATS.adder", undefined, z.unknown())).toMatchObject({
      data: { lag: 0 },
      endpoints: [
        { subject: "adder.add", num_requests: 1, num_errors: 0 },
        { subject: "adder.refuse", num_errors: 1 },
      ],
    });
    await serving.stop();
    await expect(b.bus.request("adder.add", { n: [] }, z.unknown())).rejects.toThrow(UnavailableError);
  });
});

describe("reading streams", () => {
  it("replays what is there and ends, and follows across a server's death without a gap", async () => {
    const first = await a.bus.store("retrain.evaluated.read", '{"n":0}', "read-0");
    for (let n = 1; n < 5; n++)
      await a.bus.store("retrain.evaluated.read", JSON.stringify({ n }), `read-${n}`);
    const replayed: unknown[] = [];
    for await (const each of b.bus.read("DECISIONS", { filter: "retrain.evaluated.read" }))
      replayed.push(each.json());
    expect(replayed).toEqual([0, 1, 2, 3, 4].map((n) => ({ n })));

    const followed: number[] = [];
    const following = await b.bus.follow(
      "DECISIONS",
      { filter: "retrain.evaluated.read", fromSequence: first + 1 },
      (each) => {
        followed.push((each.json() as { n: number }).n);
      },
    );
    await expect.poll(() => followed).toEqual([1, 2, 3, 4]);
    await nats.kill9AndRestart();
    await a.bus.store("retrain.evaluated.read", '{"n":5}', "read-5");
    await expect.poll(() => followed, { timeout: 20_000 }).toEqual([1, 2, 3, 4, 5]);
    await following.stop();
  }, 30_000);

  it("ends at once on a filter nothing matches", async () => {
    const found: Message[] = [];
    for await (const each of a.bus.read("DECISIONS", { filter: "retrain.evaluated.nobody" }))
      found.push(each);
    expect(found).toEqual([]);
  });
});
