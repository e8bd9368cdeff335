import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Consumer, type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { type ObjectStore, Objm, setSha256Backend } from "@nats-io/obj";
import { ArtifactDigest } from "../contracts/subjects.ts";
import { RetuneError, UnavailableError } from "../errors.ts";
import { whileUnavailable } from "./retry.ts";
import type { SideLine } from "./side-line.ts";
import { ARTIFACT_BUCKET } from "./topology.ts";

/** The store holds something else than the digest says, or not all of it. */
export class ArtifactDamagedError extends RetuneError {
  readonly disposition = "retry";
}

/** Nothing is stored under a digest. */
export class ArtifactMissingError extends RetuneError {
  readonly disposition = "terminate";
}

/**
 * What one message holds of an artifact. Half of these arrive in one read of the socket; the pieces of a larger one
 * are copied together several times over, garbage that makes V8 collect the whole heap while requests wait.
 */
const CHUNK_BYTES = 32 * 1024;
/** Chunks asked for at once: one megabyte, which is handled in about two milliseconds. */
const WINDOW = 32;
const STALL_MS = 15_000;

interface Opened {
  readonly store: ObjectStore;
  readonly js: JetStreamClient;
}

/** Files of this process's caches, by path, as they were when their bytes were last seen to match their names. */
const checked = new Map<string, string>();

/**
 * Models and datasets by content: the name of an artifact is its SHA-256, so it is stored once, never changes,
 * and can be kept on the local disk for ever. What is fetched is checked against its name; a local copy is not read
 * again for that until its inode, size or times change.
 */
export class ArtifactStore {
  private readonly folder: string;
  private readonly line: SideLine;
  private opened: Promise<Opened> | undefined;
  private readonly fetching = new Map<string, Promise<string>>();

  /**
   * @param line a connection of its own: while the server reads a block of the store from its disk, nothing else on the
   *   same connection is answered
   */
  constructor(line: SideLine, folder: string) {
    this.folder = folder;
    this.line = line;
    setSha256Backend("native");
  }

  async putFile(path: string): Promise<string> {
    return this.put(await readFile(path));
  }

  /** Stores bytes and returns their digest. Storing the same bytes again does nothing. */
  async put(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    await whileUnavailable(`artifact ${digest}`, async () => {
      const { store } = await this.open();
      const info = await store.info(digest);
      if (info !== null && info.size === bytes.length) return;
      await store.putBlob({ name: digest, options: { max_chunk_size: CHUNK_BYTES } }, bytes);
    });
    await this.keep(digest, (file) => writeAll(file, bytes));
    return digest;
  }

  /**
   * Path of a local copy whose bytes match the digest.
   *
   * @throws {ArtifactMissingError} when nothing is stored under it
   * @throws {ArtifactDamagedError} when what is stored does not match it
   * @throws {UnavailableError} when the store stalls
   */
  fetch(digest: string): Promise<string> {
    ArtifactDigest.parse(digest);
    const running =
      this.fetching.get(digest) ?? this.load(digest).finally(() => this.fetching.delete(digest));
    this.fetching.set(digest, running);
    return running;
  }

  private open(): Promise<Opened> {
    this.opened ??= this.openStore().catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    });
    return this.opened;
  }

  private async openStore(): Promise<Opened> {
    const nc = await this.line.open();
    return { store: await new Objm(nc).open(ARTIFACT_BUCKET), js: jetstream(nc) };
  }

  private async load(digest: string): Promise<string> {
    const path = join(this.folder, digest);
    const version = await fileVersion(path);
    if (version !== undefined) {
      if (checked.get(path) === version) return path;
      if (digestOf(await readFile(path)) === digest) {
        checked.set(path, version);
        return path;
      }
      await rm(path);
    }
    return whileUnavailable(`artifact ${digest}`, async () => {
      const { store, js } = await this.open();
      return this.keep(digest, (file) => download(digest, store, js, file));
    });
  }

  private async keep(digest: string, write: (file: FileHandle) => Promise<void>): Promise<string> {
    const path = join(this.folder, digest);
    await mkdir(this.folder, { recursive: true });
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await using file = await open(temporary, "wx", 0o644);
      await write(file);
      await rename(temporary, path);
      const version = await fileVersion(path);
      if (version !== undefined) checked.set(path, version);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return path;
  }
}

/**
 * Chunks go to the disk as they come, a window of them at a time: the library's own reader takes the whole artifact in
 * as fast as the server sends it, and nothing else in this thread gets a turn meanwhile.
 *
 * @throws as `fetch`
 */
async function download(
  digest: string,
  store: ObjectStore,
  js: JetStreamClient,
  file: FileHandle,
): Promise<void> {
  const info = await store.info(digest);
  if (info === null || info.deleted)
    throw new ArtifactMissingError(`artifact ${digest} is not in the object store`);
  const hash = createHash("sha256");
  if (info.chunks > 0) {
    const filter = `$O.${ARTIFACT_BUCKET}.C.${info.nuid}`;
    const consumer = await js.consumers.get(`OBJ_${ARTIFACT_BUCKET}`, { filter_subjects: filter });
    try {
      await readChunks(digest, info.chunks, consumer, async (chunk) => {
        hash.update(chunk);
        await writeAll(file, chunk);
      });
    } finally {
      await consumer.delete().catch(() => {}); // the server forgets it by itself, in minutes
    }
  }
  const found = `sha256-${hash.digest("hex")}`;
  if (found !== digest)
    throw new ArtifactDamagedError(`artifact ${digest} is damaged: the object store has ${found}`);
}

async function readChunks(
  digest: string,
  promised: number,
  consumer: Consumer,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const { num_pending: stored } = await consumer.info(true);
  if (stored !== promised) {
    const found = `${stored} of ${promised} chunks`;
    throw new ArtifactDamagedError(`artifact ${digest} is damaged: the object store has ${found}`);
  }
  for (let received = 0; received < promised; ) {
    const before = received;
    const max_messages = Math.min(WINDOW, promised - received);
    for await (const chunk of await consumer.fetch({ max_messages, expires: STALL_MS })) {
      received += 1;
      await take(chunk.data);
    }
    if (received === before)
      throw new UnavailableError(`artifact ${digest} stalled after ${received} of ${promised} chunks`);
  }
}

/** One write where the system takes it whole; `writeFile` makes one of every half megabyte. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}

/** Changes with every write to the file; undefined where there is none. */
async function fileVersion(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && [found.ino, found.size, found.mtimeNs, found.ctimeNs].join(":");
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256-${createHash("sha256").update(bytes).digest("hex")}`;
}
