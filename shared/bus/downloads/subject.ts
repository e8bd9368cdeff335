import { type Consumer, jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { ARTIFACT_BUCKET } from "../topology.ts";

/**
 * Runs `task` with a consumer of one subject of the object store's stream, which lives as long as `task`.
 *
 * @param subject below the bucket's own
 * @param task gets how many messages the subject has, too
 */
export async function withSubject<T>(
  nc: NatsConnection,
  subject: string,
  task: (consumer: Consumer, stored: number) => Promise<T>,
): Promise<T> {
  const filter = `$O.${ARTIFACT_BUCKET}.${subject}`;
  const consumer = await jetstream(nc).consumers.get(`OBJ_${ARTIFACT_BUCKET}`, { filter_subjects: filter });
  try {
    return await task(consumer, (await consumer.info(true)).num_pending);
  } finally {
    await consumer.delete().catch(() => {}); // the server forgets it by itself, in minutes
  }
}
