import type { NatsConnection } from "@nats-io/nats-core";
import { Base64UrlPaddedCodec, type ObjectInfo } from "@nats-io/obj";
import { UnavailableError } from "../../errors.ts";
import { withSubject } from "./subject.ts";

const STALL_MS = 15_000;

/**
 * What the object store says of an artifact; undefined when nothing was ever stored under the digest.
 *
 * Through a consumer, for a server that is asked for an old message itself reads its block, up to 8 MB, where it reads
 * the asker's connection, and Go then looks at no other connection for up to 10 ms (runtime: sysmon's network poll).
 * A consumer has the block read elsewhere.
 *
 * @throws {UnavailableError} when the store stalls
 */
export function readArtifactInfo(nc: NatsConnection, digest: string): Promise<ObjectInfo | undefined> {
  // ADR-20: one message at most
  return withSubject(nc, `M.${Base64UrlPaddedCodec.encode(digest)}`, async (consumer, stored) => {
    if (stored === 0) return undefined;
    const message = await consumer.next({ expires: STALL_MS });
    if (message === null) throw new UnavailableError(`artifact ${digest}: the object store stalls`);
    return message.json<ObjectInfo>();
  });
}
