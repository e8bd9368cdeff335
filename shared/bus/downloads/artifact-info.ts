import { AckPolicy, DeliverPolicy, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import type { ObjectInfo } from "@nats-io/obj";
import { UnavailableError } from "../../errors.ts";
import { ARTIFACT_BUCKET } from "../topology.ts";

const ANSWER_LIMIT_MS = 15_000;
const FORGOTTEN_NS = 60_000_000_000;

/**
 * What the object store says of an artifact; undefined when nothing was ever stored under the digest.
 *
 * Through a consumer, for a server that is asked for an old message itself reads its block, up to 8 MB, where it reads
 * the asker's connection, and Go then looks at no other connection for up to 10 ms (runtime: sysmon's network poll).
 * A consumer has the block read elsewhere.
 *
 * @throws {UnavailableError} when the store stalls
 */
export async function readArtifactInfo(nc: NatsConnection, digest: string): Promise<ObjectInfo | undefined> {
  const name = Buffer.from(digest).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
  const manager = await jetstreamManager(nc, { checkAPI: false });
  const created = await manager.consumers.add(`OBJ_${ARTIFACT_BUCKET}`, {
    filter_subject: `$O.${ARTIFACT_BUCKET}.M.${name}`, // where ADR-20 keeps it, one message at most
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: FORGOTTEN_NS,
  });
  const consumer = manager.jetstream().consumers.getConsumerFromInfo(created);
  try {
    if (created.num_pending === 0) return undefined;
    const message = await consumer.next({ expires: ANSWER_LIMIT_MS });
    if (message === null) throw new UnavailableError(`artifact ${digest}: the object store stalls`);
    return message.json<ObjectInfo>();
  } finally {
    await consumer.delete().catch(() => {});
  }
}
