import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ObjectStore, Objm, setSha256Backend } from "@nats-io/obj";
import { ArtifactDigest } from "../contracts/subjects.ts";
import type { Downloads } from "./downloads/downloads.ts";
import { whileUnavailable } from "./retry.ts";
import type { SideLine } from "./side-line.ts";
import { ARTIFACT_BUCKET } from "./topology.ts";
import { writeAll } from "./write-all.ts";

/**
 * What one message holds of an artifact. Half of these arrive in one read of the socket; the pieces of a larger one
 * are copied together several times over, garbage that makes V8 collect the whole heap while requests wait.
 */
const CHUNK_BYTES = 32 * 1024;
/** What of a local copy is read and hashed in one turn of the thread. */
const HASHED_AT_ONCE = 256 * 1024;

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
  private readonly downloads: Pick<Downloads, "fetch">;
  private opened: Promise<ObjectStore> | undefined;
  private readonly fetching = new Map<string, Promise<string>>();

  /**
   * @param line for what is stored, a connection of its own: while the server reads a block of the store from its
   *   disk, nothing else on the same connection is answered
   */
  constructor(line: SideLine, downloads: Pick<Downloads, "fetch">, folder: string) {
    this.folder = folder;
    this.line = line;
    this.downloads = downloads;
    setSha256Backend("native");
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
      await store.putBlob({ name: digest, options: { max_chunk_size: CHUNK_BYTES } }, bytes);
    });
    await this.keep(digest, async (temporary) => {
      await using file = await open(temporary, "wx", 0o644);
      await writeAll(file, bytes);
    });
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

  private open(): Promise<ObjectStore> {
    this.opened ??= this.line
      .open()
      .then((nc) => new Objm(nc).open(ARTIFACT_BUCKET))
      .catch((error: unknown) => {
        this.opened = undefined;
        throw error;
      });
    return this.opened;
  }

  private async load(digest: string): Promise<string> {
    const path = join(this.folder, digest);
    const version = await fileVersion(path);
    if (version !== undefined) {
      if (checked.get(path) === version) return path;
      if ((await digestOfFile(path)) === digest) {
        checked.set(path, version);
        return path;
      }
      await rm(path);
    }
    return this.keep(digest, (temporary) => this.downloads.fetch(digest, temporary));
  }

  private async keep(digest: string, write: (temporary: string) => Promise<void>): Promise<string> {
    const path = join(this.folder, digest);
    await mkdir(this.folder, { recursive: true });
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await write(temporary);
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

/** Changes with every write to the file; undefined where there is none. */
async function fileVersion(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && [found.ino, found.size, found.mtimeNs, found.ctimeNs].join(":");
}

/** Read in pieces, for the thread that serves requests must not stand still while a large model is hashed. */
async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: HASHED_AT_ONCE })) hash.update(piece);
  return `sha256-${hash.digest("hex")}`;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256-${createHash("sha256").update(bytes).digest("hex")}`;
}
