import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../shared/bus/artifacts.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { Harness, serving, TINY_BOLT, until } from "./forecaster.fixture.ts";
import { ThreadedModelHost } from "./model-host.ts";
import { ModelPool } from "./model-pool.ts";
import { Standby } from "./standby.ts";

let nats: TestNats;
let context: TestContext;
let client: TestContext;
beforeAll(async () => {
  nats = await startTestNats();
  context = await testContext(nats, { name: "forecaster" });
  client = await testContext(nats, { name: "client" });
});
afterAll(async () => {
  await context[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
  await nats.stop();
});

const candidate = (artifact: string | null) => ({
  candidate: { context_length: 90, num_samples: 50, temperature: 1, model: "chronos-bolt", artifact },
});

function tell(step: string, forecaster: string, run: string, data: object = {}): Promise<number> {
  return client.bus.store(`retrain.${step}.${forecaster}.${run}`, JSON.stringify({ data }), newUuidV7());
}

describe("the model of a candidate", () => {
  async function standby(forecaster: string) {
    const host = new ThreadedModelHost(1);
    const pool = new ModelPool(context.bus.artifacts, host);
    const held = new Standby({ bus: context.bus, pool }, forecaster);
    await held.start();
    const run = newUuidV7();
    await tell(
      "searched",
      forecaster,
      run,
      candidate(await client.bus.artifacts.put(await readFile(TINY_BOLT))),
    );
    await until(async () => pool.size === 1);
    return { pool, held, host, run };
  }

  it.each(["rejected", "verified", "rolled-back", "failed"])("is held until its run is %s", async (step) => {
    const { pool, held, host, run } = await standby(`until-${step}`);
    await tell("approved", `until-${step}`, run);
    await tell(step, `until-${step}`, newUuidV7());
    await tell(step, `until-${step}`, run);
    await until(async () => pool.size === 0);
    held.stop();
    await host.close();
  });

  it("stays with the live config that goes on with it, and gives way to the next candidate's", async () => {
    const { pool, held, host } = await standby("goes-on");
    const model = await readFile(TINY_BOLT);
    const live = await pool.acquire({ model: "chronos-bolt", artifact: digestOf(model) });
    // A remark at the end of the file, which is a field of the format: the same model under another digest.
    const next = Buffer.concat([model, Uint8Array.of(6 * 8 + 2, 4), Buffer.from("next")]);
    await tell("searched", "goes-on", newUuidV7(), candidate(await client.bus.artifacts.put(next)));
    await until(async () => pool.size === 2);
    await live.release();
    expect(pool.size).toBe(1);
    held.stop();
    await until(async () => pool.size === 0);
    await host.close();
  });

  it("is let go of when the forecaster stops", async () => {
    const { pool, held, host } = await standby("stops");
    held.stop();
    await until(async () => pool.size === 0);
    await host.close();
  });
});

describe("a search that has found a candidate without a usable model", () => {
  it.each([
    ["none", async () => candidate(null)],
    ["one that is not stored", async () => candidate(digestOf(Buffer.from("lost")))],
    ["one that is no model", async () => candidate(await client.bus.artifacts.put(Buffer.from("no model")))],
    ["one that breaks the contract", async () => ({ candidate: "unheard of" })],
  ])("changes nothing: %s", async (_, data) => {
    await using harness = await Harness.on(nats, `nothing-${newUuidV7().slice(-6)}`);
    const revision = await serving(harness);
    await tell("searched", harness.id, newUuidV7(), await data());
    expect((await harness.predict()).live_revision).toBe(revision);
    expect(await harness.health()).toMatchObject({ live_revision: revision, failures: 0 });
  });
});
