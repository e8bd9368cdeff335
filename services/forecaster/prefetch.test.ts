import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../shared/bus/artifacts.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { Harness, serving, until } from "./forecaster.fixture.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

describe("a search that has found a candidate", () => {
  const cached = (harness: Harness) =>
    readdir(join(harness.context.dirs.data, "artifacts")).catch(() => [] as string[]);
  const found = (harness: Harness, data: object) =>
    harness.client.bus.store(
      `retrain.searched.${harness.id}.${newUuidV7()}`,
      JSON.stringify({ data }),
      newUuidV7(),
    );
  const candidate = (artifact: string | null) => ({
    candidate: { context_length: 90, num_samples: 50, temperature: 1, model: "chronos-bolt", artifact },
  });

  it("brings the candidate's model into the local cache before it is live", async () => {
    await using harness = await Harness.on(nats, "ahead");
    const revision = await serving(harness);
    const artifact = await harness.client.bus.artifacts.put(Buffer.from("a model"));
    await found(harness, candidate(artifact));
    await until(async () => (await cached(harness)).includes(artifact));
    expect((await harness.predict()).live_revision).toBe(revision);
  });

  it("changes nothing when it has no model, one that is not stored, or breaks the contract", async () => {
    await using harness = await Harness.on(nats, "behind");
    const revision = await serving(harness);
    await found(harness, candidate(null));
    await found(harness, candidate(digestOf(Buffer.from("never stored"))));
    await found(harness, { candidate: "unheard of" });
    const artifact = await harness.client.bus.artifacts.put(Buffer.from("another model"));
    await found(harness, candidate(artifact));
    await until(async () => (await cached(harness)).includes(artifact));
    expect(await cached(harness)).toEqual([artifact]);
    expect(await harness.health()).toMatchObject({ live_revision: revision, failures: 0 });
  });
});
