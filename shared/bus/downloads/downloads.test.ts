import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordedLog } from "../../../test/support/context.ts";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { UnavailableError } from "../../errors.ts";
import { ArtifactMissingError } from "../artifact-errors.ts";
import { digestOf } from "../artifacts.ts";
import { type Connection, connectBus } from "../connect.ts";
import { dial } from "../dial.ts";
import { connectionSettings } from "../settings.ts";
import { SideLine } from "../side-line.ts";
import { Downloads } from "./downloads.ts";

const SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

const small = randomBytes(100_000);
const large = randomBytes(24_000_000);
let nats: TestNats;
let folder: string;
let path: string;
beforeAll(async () => {
  nats = await startTestNats();
  folder = await mkdtemp(join(tmpdir(), "retune-downloads-"));
  path = join(folder, "copy");
  await store(nats.url, small, large);
});
afterAll(async () => {
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("downloads", () => {
  it("go to a thread once there has been one, and bring the same bytes", async () => {
    await using downloads = threaded({ servers: nats.url });
    await downloads.fetch(digestOf(small), path);
    expect(downloads.hasThread).toBe(false);
    expect(Buffer.compare(await readFile(path), small)).toBe(0);
    await ready(downloads);
    const paths = [0, 1, 2].map((i) => `${path}-${i}`);
    await Promise.all(paths.map((each) => downloads.fetch(digestOf(small), each)));
    for (const each of paths) expect(Buffer.compare(await readFile(each), small)).toBe(0);
  });

  it("say so, here and from the thread, when nothing is stored under a digest", async () => {
    await using downloads = threaded({ servers: nats.url });
    const digest = digestOf(randomBytes(10));
    const missing = new ArtifactMissingError(`artifact ${digest} is not in the object store`);
    await expect(downloads.fetch(digest, path)).rejects.toThrow(missing);
    await ready(downloads);
    await expect(downloads.fetch(digest, path)).rejects.toThrow(missing);
  });

  it("prove who they are without giving the thread the seed", async () => {
    const nkey = join(folder, "user.nk");
    await writeFile(nkey, SEED);
    const settings = (url: string) => connectionSettings({ nkey, url }, {});
    const authenticator = settings("nats://127.0.0.1").authenticator as (nonce: string) => { nkey: string };
    const users = `[{ nkey: ${authenticator("nonce").nkey} }]`;
    await using guarded = await startTestNats({ config: `authorization { users: ${users} }` });
    await store(settings(guarded.url), small);
    await using downloads = threaded(settings(guarded.url));
    await ready(downloads);
    await downloads.fetch(digestOf(small), path);
    expect(Buffer.compare(await readFile(path), small)).toBe(0);
  });

  it("fail clearly when the thread dies, and the next one does not need it", async () => {
    await using downloads = threaded({ servers: nats.url });
    await ready(downloads);
    const { outcome } = await begin(downloads);
    await (Reflect.get(downloads, "worker") as Worker).terminate();
    expect(await outcome).toMatchObject({
      name: "UnavailableError",
      message: expect.stringMatching(/^the thread of downloads ended: exit code/),
    });
    await downloads.fetch(digestOf(large), path);
    expect(Buffer.compare(await readFile(path), large)).toBe(0);
    await ready(downloads);
  });

  it("let the process end once the connection is drained", async () => {
    const script = join(folder, "child.mjs");
    await writeFile(
      script,
      `import { connectBus } from ${JSON.stringify(join(import.meta.dirname, "../connect.ts"))};
      const [, , servers, artifactFolder, ...digests] = process.argv;
      const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
      const options = { source: "test", artifactFolder, codeVersion: "test", log, now: Date.now };
      const connection = await connectBus({ servers }, options);
      for (const digest of digests) await connection.bus.artifacts.fetch(digest);
      await connection.drain();
      console.log("drained");`,
    );
    const args = [script, nats.url, join(folder, "child"), digestOf(small), digestOf(large)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
    expect(stdout.trim()).toBe("drained");
    expect((await readdir(join(folder, "child"))).sort()).toEqual([small, large].map(digestOf).sort());
  });
});

describe.each([
  ["a download in the thread", true],
  ["a download before there is a thread", false],
])("%s", (_, inThread) => {
  it.each([
    ["while it has not answered yet", asked],
    ["in the middle", begin],
  ])(
    "whose server is killed %s comes whole, at once or when it is asked for again",
    async (_, until) => {
      await using downloads = threaded({ servers: nats.url });
      if (inThread) await ready(downloads);
      const { outcome } = await until(downloads);
      await nats.kill9AndRestart();
      const error = await outcome;
      if (error !== undefined) expect(error).toBeInstanceOf(UnavailableError);
      await downloads.fetch(digestOf(large), path);
      expect(Buffer.compare(await readFile(path), large)).toBe(0);
    },
    60_000,
  );

  it("fails clearly when the bus is drained, and so does what is asked later", async () => {
    const connection = await connected(nats.url, "drained");
    const { artifacts } = connection.bus;
    const downloads = Reflect.get(artifacts, "downloads") as Downloads;
    const cache = join(folder, "drained");
    if (inThread) await ready(downloads);
    await rm(cache, { recursive: true, force: true });
    const outcome = artifacts.fetch(digestOf(large)).catch((error: unknown) => error);
    while ((await readdir(cache).catch(() => [])).length === 0) await sleep(1);
    await connection.drain();
    expect(await outcome).toMatchObject({
      name: "UnavailableError",
      message: expect.stringMatching(/the bus is closed$/),
    });
    expect(await readdir(cache)).toEqual([]);
    await expect(artifacts.fetch(digestOf(small))).rejects.toThrow(/the bus is closed$/);
  });
});

/** Downloads over connections of their own, closed with their scope. */
function threaded(settings: NodeConnectionOptions): Downloads & AsyncDisposable {
  const line = new SideLine(() => dial(settings, "test"));
  const downloads = new Downloads(settings, "test/downloads", line);
  const close = async () => {
    await downloads.close();
    await line.close();
  };
  return Object.assign(downloads, { [Symbol.asyncDispose]: close });
}

/** Asks for the large one. */
async function asked(downloads: Downloads): Promise<{ outcome: Promise<unknown> }> {
  await rm(path, { force: true });
  return { outcome: downloads.fetch(digestOf(large), path).catch((error: unknown) => error) };
}

/** Resolves when its first bytes are on the disk. */
async function begin(downloads: Downloads): Promise<{ outcome: Promise<unknown> }> {
  const { outcome } = await asked(downloads);
  while (!(await stat(path).catch(() => undefined))?.size) await sleep(1);
  return { outcome };
}

/** Downloads until there is a thread. */
async function ready(downloads: Downloads): Promise<void> {
  const other = join(folder, "other");
  while (!downloads.hasThread) {
    await downloads.fetch(digestOf(small), other);
    await sleep(20);
  }
}

function connected(server: string | NodeConnectionOptions, name: string): Promise<Connection> {
  return connectBus(typeof server === "string" ? { servers: server } : server, {
    source: `test/${name}`,
    artifactFolder: join(folder, name),
    codeVersion: "test",
    log: recordedLog(),
    now: () => Date.now(),
  });
}

async function store(server: string | NodeConnectionOptions, ...artifacts: Buffer[]): Promise<void> {
  await using writer = await connected(server, "writer");
  await writer.provision({ replicas: 1, create: true });
  for (const each of artifacts) await writer.bus.artifacts.put(each);
}
