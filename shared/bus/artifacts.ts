import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/nats-core";
import { type ObjectStore, Objm, setSha256Backend } from "@nats-io/obj";
import { ArtifactDigest } from "../contracts/subjects.ts";
import { explain, RetuneError, UnavailableError } from "../errors.ts";
import { whileUnavailable } from "./retry.ts";
import { ARTIFACT_BUCKET } from "./topology.ts";

/** The store holds something else than the digest says, or not all of it. */
export class ArtifactDamagedError extends RetuneError {
  readonly disposition = "retry";
}

/** Nothing is stored under a digest. */
export class ArtifactMissingError extends RetuneError {
  readonly disposition = "terminate";
}

const STALL_MS = 15_000;

/** Files of this process's caches, by path, as they were when their bytes were last seen to match their names. */
const checked = new Map<string, string>();

/**
 * Models and datasets by content: the name of an artifact is its SHA-256, so it is stored once, never changes,
 * and can be kept on the local disk for ever. What is fetched is checked against its name; a local copy is not read
 * again for that until its inode, size or times change.
 */
export class ArtifactStore {
  private readonly folder: string;
  private readonly open: () => Promise<ObjectStore>;
  private readonly fetching = new Map<string, Promise<string>>();

  constructor(nc: NatsConnection, folder: string) {
    this.folder = folder;
    setSha256Backend("native");
    const manager = new Objm(nc);
    let store: Promise<ObjectStore> | undefined;
    this.open = () => {
      store ??= manager.open(ARTIFACT_BUCKET);
      store.catch(() => {
        store = undefined;
      });
      return store;
    };
  }

  async putFile(path: string): Promise<string> {
    return this.put(await readFile(path));
  }

  /** Stores bytes and returns their digest. Storing the same bytes again does nothing. */
  async put(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    await whileUnavailable(`artifact ${digest}`, async () => {
      const store = await this.open();
      const info = await store.info(digest);
      if (info !== null && info.size === bytes.length) return;
      await store.putBlob({ name: digest }, bytes);
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
      const store = await this.open();
      return this.keep(digest, (file) => download(digest, store, file));
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

/** Chunks go to the disk as they come. @throws as `fetch` */
async function download(digest: string, store: ObjectStore, file: FileHandle): Promise<void> {
  const found = await store.get(digest);
  if (found === null) throw new ArtifactMissingError(`artifact ${digest} is not in the object store`);
  // The library compares the bytes with the digest it stored beside them, which therefore has to be the name.
  const stored = `sha256-${Buffer.from(found.info.digest.replace(/^SHA-256=/, ""), "base64url").toString("hex")}`;
  if (stored !== digest)
    throw new ArtifactDamagedError(`artifact ${digest} is stored with the digest ${stored}`);
  const reader = found.data.getReader();
  let chunks = 0;
  for (;;) {
    // A missing grant on flow control stalls a read for ever, without an error.
    const stall = `artifact ${digest} stalled after ${chunks} chunks`;
    const { done, value } = await withTimeout(reader.read(), STALL_MS, stall).catch((cause: unknown) => {
      if (!/digests do not match/.test(explain(cause))) throw cause;
      throw new ArtifactDamagedError(`artifact ${digest} is damaged in the object store`, { cause });
    });
    if (done) break;
    chunks += 1;
    await writeAll(file, value);
  }
  const error = await found.error;
  if (error) throw new ArtifactDamagedError(`artifact ${digest} cannot be read`, { cause: error });
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

async function withTimeout<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new UnavailableError(what)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
