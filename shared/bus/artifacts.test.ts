import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestContext, testContext } from "../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { ArtifactDamagedError } from "./artifact-errors.ts";
import { digestOf } from "./artifacts.ts";
import { ARTIFACT_BUCKET } from "./topology.ts";

let nats: TestNats;
let writer: TestContext;
let reader: TestContext;
beforeAll(async () => {
  nats = await startTestNats();
  writer = await testContext(nats);
  reader = await testContext(nats);
});
afterAll(async () => {
  await reader[Symbol.asyncDispose]();
  await writer[Symbol.asyncDispose]();
  await nats.stop();
});

describe("an artifact that another process stored", () => {
  for (const size of [0, 1, 32 * 1024, 32 * 32 * 1024 + 1, 3_000_000]) {
    it(`comes back whole at ${size} bytes`, async () => {
      const bytes = randomBytes(size);
      const digest = await writer.bus.artifacts.put(bytes);
      const path = await reader.bus.artifacts.fetch(digest);
      expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
    });
  }

  it("comes back whole while another is being stored between its chunks", async () => {
    const both = [randomBytes(1_500_000), randomBytes(1_500_000)];
    const digests = await Promise.all(both.map((bytes) => writer.bus.artifacts.put(bytes)));
    const paths = await Promise.all(digests.map((digest) => reader.bus.artifacts.fetch(digest)));
    for (const [i, path] of paths.entries()) expect(Buffer.compare(await readFile(path), both[i]!)).toBe(0);
  });

  it("comes back whole from a client that cuts it into other chunks", async () => {
    await using nc = await connected();
    const bytes = randomBytes(700_000);
    const digest = digestOf(bytes);
    const store = await new Objm(nc.connection).open(ARTIFACT_BUCKET);
    await store.putBlob({ name: digest, options: { max_chunk_size: 100_000 } }, bytes);
    expect(Buffer.compare(await readFile(await reader.bus.artifacts.fetch(digest)), bytes)).toBe(0);
  });
});

describe("an artifact that is damaged in the object store", () => {
  it("is refused when it lacks a chunk, and leaves nothing behind", async () => {
    await using nc = await connected();
    const digest = await writer.bus.artifacts.put(randomBytes(1_000_000));
    const manager = await jetstreamManager(nc.connection);
    const store = await new Objm(nc.connection).open(ARTIFACT_BUCKET);
    const info = await store.info(digest);
    await manager.streams.purge(`OBJ_${ARTIFACT_BUCKET}`, {
      filter: `$O.${ARTIFACT_BUCKET}.C.${info!.nuid}`,
      keep: 2,
    });
    await expect(reader.bus.artifacts.fetch(digest)).rejects.toThrow(
      new ArtifactDamagedError(`artifact ${digest} is damaged: the object store has 2 of 31 chunks`),
    );
    const cached = await readdir(join(reader.dirs.data, "artifacts"));
    expect(cached.filter((name) => name.startsWith(digest))).toEqual([]);
  });

  it("is refused when its bytes do not match its name", async () => {
    await using nc = await connected();
    const [promised, stored] = [digestOf(randomBytes(10)), randomBytes(10)];
    const store = await new Objm(nc.connection).open(ARTIFACT_BUCKET);
    await store.putBlob({ name: promised }, stored);
    await expect(reader.bus.artifacts.fetch(promised)).rejects.toThrow(
      new ArtifactDamagedError(`artifact ${promised} is damaged: the object store has ${digestOf(stored)}`),
    );
  });
});

async function connected() {
  const connection = await connect({ servers: nats.url });
  return { connection, [Symbol.asyncDispose]: () => connection.drain() };
}
