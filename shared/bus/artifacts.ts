import { createHash, randomUUID } from "node:crypto";
import { access, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/nats-core";
import { type ObjectStore, Objm, setSha256Backend } from "@nats-io/obj";
import { ArtifactDigest } from "../contracts/subjects.ts";
import { RetuneError, UnavailableError } from "../errors.ts";
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

/**
 * Models and datasets by content: the name of an artifact is its SHA-256, so it is stored once, never changes,
 * and can be kept on the local disk for ever. What is fetched is checked against its name.
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
    await this.keep(digest, bytes);
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
    const cached = await access(path).then(
      () => true,
      () => false,
    );
    if (cached) {
      if (digestOf(await readFile(path)) === digest) return path;
      await rm(path);
    }
    const bytes = await whileUnavailable(`artifact ${digest}`, async () =>
      this.download(digest, await this.open()),
    );
    return this.keep(digest, bytes);
  }

  private async download(digest: string, store: ObjectStore): Promise<Uint8Array> {
    const found = await store.get(digest);
    if (found === null) throw new ArtifactMissingError(`artifact ${digest} is not in the object store`);
    const reader = found.data.getReader();
    const chunks: Uint8Array[] = [];
    for (;;) {
      // A missing grant on flow control stalls a read for ever, without an error.
      const { done, value } = await withTimeout(
        reader.read(),
        STALL_MS,
        `artifact ${digest} stalled after ${chunks.length} chunks`,
      );
      if (done) break;
      chunks.push(value);
    }
    const error = await found.error;
    if (error) throw new ArtifactDamagedError(`artifact ${digest} cannot be read`, { cause: error });
    const bytes = Buffer.concat(chunks);
    const actual = digestOf(bytes);
    if (actual !== digest)
      throw new ArtifactDamagedError(
        `artifact ${digest} has the digest ${actual}: the stored copy is damaged`,
      );
    return bytes;
  }

  private async keep(digest: string, bytes: Uint8Array): Promise<string> {
    const path = join(this.folder, digest);
    await mkdir(this.folder, { recursive: true });
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await using file = await open(temporary, "wx", 0o644);
      await file.writeFile(bytes);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return path;
  }
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
