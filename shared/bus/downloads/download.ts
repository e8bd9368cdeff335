import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { type Consumer, JetStreamApiError } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { UnavailableError } from "../../errors.ts";
import { ArtifactDamagedError, ArtifactMissingError } from "../artifact-errors.ts";
import { whileUnavailable } from "../retry.ts";
import { readArtifactInfo } from "./artifact-info.ts";
import { PieceWriter } from "./piece-writer.ts";
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
  await using writer = new PieceWriter(file);
  if (info.chunks > 0)
    await withSubject(nc, `C.${info.nuid}`, async (consumer, stored) => {
      for await (const chunk of chunks(digest, { promised: info.chunks, stored }, consumer)) {
        hash.update(chunk);
        await writer.write(chunk);
      }
    });
  await writer.end();
  const found = `sha256-${hash.digest("hex")}`;
  if (found !== digest)
    throw new ArtifactDamagedError(`artifact ${digest} is damaged: the object store has ${found}`);
}

async function* chunks(
  digest: string,
  { promised, stored }: { readonly promised: number; readonly stored: number },
  consumer: Consumer,
): AsyncGenerator<Uint8Array> {
  if (stored !== promised) {
    const found = `${stored} of ${promised} chunks`;
    throw new ArtifactDamagedError(`artifact ${digest} is damaged: the object store has ${found}`);
  }
  for (let received = 0; received < promised; ) {
    const before = received;
    const max_messages = Math.min(WINDOW, promised - received);
    for await (const { data } of await consumer.fetch({ max_messages, expires: STALL_MS })) {
      received += 1;
      yield data;
    }
    if (received === before)
      throw new UnavailableError(`artifact ${digest} stalled after ${received} of ${promised} chunks`);
  }
}
