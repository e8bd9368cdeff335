import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { parseAckSubject } from "./replay.ts";

let nats: TestNats;
let context: TestContext;
beforeAll(async () => {
  nats = await startTestNats();
  context = await testContext(nats);
});
afterAll(async () => {
  await context[Symbol.asyncDispose]();
  await nats.stop();
});

async function sequences(options: { filter?: string; fromSequence?: number } = {}): Promise<number[]> {
  const found: number[] = [];
  for await (const batch of context.bus.readBatches("TELEMETRY", options))
    found.push(...batch.map(({ sequence }) => sequence));
  return found;
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("replay of a stream in batches", () => {
  it("ends at once where there is nothing", async () => {
    expect(await sequences()).toEqual([]);
  });

  it("gives each message once, in order, also where they are more bytes than one request asks for", async () => {
    const large = "x".repeat(500_000);
    for (let n = 1; n <= 30; n++)
      await context.bus.store("telemetry.observation.a", `${n}${large}`, `a-${n}`);
    for (let n = 31; n <= 40; n++) await context.bus.store("telemetry.observation.b", "{}", `b-${n}`);
    expect(await sequences()).toEqual(range(1, 40));
    expect(await sequences({ fromSequence: 25 })).toEqual(range(25, 40));
    expect(await sequences({ filter: "telemetry.observation.b" })).toEqual(range(31, 40));
    expect(await sequences({ filter: "telemetry.observation.a", fromSequence: 29 })).toEqual([29, 30]);
    expect(await sequences({ fromSequence: 41 })).toEqual([]);
  });

  it("ends where the stream ended when it began", async () => {
    const found: number[] = [];
    for await (const batch of context.bus.readBatches("TELEMETRY", { fromSequence: 31 })) {
      if (found.length === 0) await context.bus.store("telemetry.observation.b", "{}", "b-41");
      found.push(...batch.map(({ sequence }) => sequence));
    }
    expect(found).toEqual(range(31, 40));
  });

  it("goes on over the server's death, with no message missing or twice", async () => {
    const found: number[] = [];
    for await (const batch of context.bus.readBatches("TELEMETRY")) {
      if (found.length === 0) await nats.kill9AndRestart();
      found.push(...batch.map(({ sequence }) => sequence));
    }
    expect(found).toEqual(range(1, 41));
  }, 30_000);
});

describe("the reply subject of a delivery (ADR-15)", () => {
  const told = { sequence: 42, consumed: 7, timeMs: 1_700_000_000_123, pending: 5 };
  for (const [form, subject] of [
    ["without domain", "$JS.ACK.TELEMETRY.c.1.42.7.1700000000123456789.5"],
    ["with domain and account", "$JS.ACK.hub.ACC.TELEMETRY.c.1.42.7.1700000000123456789.5"],
    ["with more at the end", "$JS.ACK._.ACC.TELEMETRY.c.1.42.7.1700000000123456789.5.r4nd0m"],
  ]) {
    it(`is read ${form}`, () => expect(parseAckSubject(subject!)).toEqual(told));
  }
});
