import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type Consumer, JetStreamApiError } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { UnavailableError } from "../../errors.ts";
import { ArtifactDamagedError, ArtifactMissingError } from "../artifact-errors.ts";
import { whileUnavailable } from "../retry.ts";
import { writeAll } from "../write-all.ts";
import { readArtifactInfo } from "./artifact-info.ts";
import { withSubject } from "./subject.ts";

/** Chunks asked for at once: of those that Retune stores, a quarter of a megabyte. */
const WINDOW = 8;
const STALL_MS = 15_000;

/**
 * Downloads an artifact, and again while the server does not answer, for up to half a minute.
 *
 * @param open gives the connection, the same each time while there is one
 * @throws as `download`
 */
export function downloadOver(
  open: () => Promise<NatsConnection>,
  digest: string,
  path: string,
): Promise<void> {
  return whileUnavailable(`artifact ${digest}`, async () => {
    try {
      await download(digest, await open(), path);
    } catch (cause) {
      if (!(cause instanceof JetStreamApiError && cause.name === "ConsumerNotFoundError")) throw cause;
      throw new UnavailableError(`artifact ${digest} was interrupted: the server has restarted`, { cause });
    }
  });
}

/**
 * Writes an artifact to a file, a window of chunks at a time: the library's own reader takes the whole artifact in as
 * fast as the server sends it, and the server answers nobody else meanwhile.
 *
 * @param path written anew
 * @throws {ArtifactMissingError} when nothing is stored under the digest
 * @throws {ArtifactDamagedError} when what is stored does not match it
 * @throws {UnavailableError} when the store stalls or restarts
 */
async function download(digest: string, nc: NatsConnection, path: string): Promise<void> {
  const info = await readArtifactInfo(nc, digest);
  if (info === undefined || info.deleted)
    throw new ArtifactMissingError(`artifact ${digest} is not in the object store`);
  const hash = createHash("sha256");
  await using file = await open(path, "w", 0o644);
  if (info.chunks > 0)
    await withSubject(nc, `C.${info.nuid}`, (consumer, stored) =>
      readChunks(digest, { promised: info.chunks, stored }, consumer, hash, file),
    );
  const found = `sha256-${hash.digest("hex")}`;
  if (found !== digest)
    throw new ArtifactDamagedError(`artifact ${digest} is damaged: the object store has ${found}`);
}

/**
 * Writes a window in one call while the next is on its way: a call for each chunk would take as long as all the rest.
 */
async function readChunks(
  digest: string,
  { promised, stored }: { readonly promised: number; readonly stored: number },
  consumer: Consumer,
  hash: Hash,
  file: FileHandle,
): Promise<void> {
  if (stored !== promised) {
    const found = `${stored} of ${promised} chunks`;
    throw new ArtifactDamagedError(`artifact ${digest} is damaged: the object store has ${found}`);
  }
  let writing: Promise<void> | undefined;
  try {
    for (let received = 0; received < promised; ) {
      const window: Uint8Array[] = [];
      const max_messages = Math.min(WINDOW, promised - received);
      for await (const { data } of await consumer.fetch({ max_messages, expires: STALL_MS })) {
        hash.update(data);
        window.push(data);
      }
      if (window.length === 0)
        throw new UnavailableError(`artifact ${digest} stalled after ${received} of ${promised} chunks`);
      received += window.length;
      await writing;
      writing = writeAll(file, window);
      writing.catch(() => {}); // it is waited for, but may fail before
    }
    await writing;
  } finally {
    await writing?.catch(() => {}); // the file is closed next
  }
}
