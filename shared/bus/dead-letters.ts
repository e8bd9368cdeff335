import { createHash } from "node:crypto";
import type { DeadLetter } from "../contracts/alerts.ts";
import type { CloudEvent } from "../contracts/envelope.ts";
import { subjects } from "../contracts/subjects.ts";
import { explain } from "../errors.ts";
import { newEvent } from "../events.ts";
import type { Message } from "./message.ts";
import type { Published } from "./steps.ts";

/** A payload above this is kept as an artifact: base64 grows it by a third, and a stock server takes 1 MB. */
const INLINE_BYTES = 512 * 1024;

export interface DeadLetterPorts {
  readonly source: string;
  readonly codeVersion: string;
  readonly now: () => number;
  readonly putArtifact: (bytes: Uint8Array) => Promise<string>;
  readonly publishOnce: (subject: string, event: CloudEvent<DeadLetter>) => Promise<Published<DeadLetter>>;
}

/**
 * Keeps a message that nobody can process, whole, once, on `alert.raised.dead-letter.<stream>-<durable>-<sequence>`.
 * Where a stream was created anew and that name is taken by another message, a hash of this one is added to it.
 */
export async function bury(
  ports: DeadLetterPorts,
  { stream, durable }: { readonly stream: string; readonly durable: string },
  message: Message,
  error: unknown,
): Promise<void> {
  const { subject, sequence, deliveries, data, time } = message;
  const cause = explain(error);
  const isLarge = data.length > INLINE_BYTES;
  const letter: DeadLetter = {
    rule: "dead-letter",
    about: subject,
    severity: "high",
    message: `message ${sequence} of ${stream} could not be processed by '${durable}': ${cause}`,
    caused_by: stream === "DECISIONS" ? [sequence] : [],
    evidence: { code_version: ports.codeVersion },
    stream,
    durable,
    sequence,
    subject,
    deliveries,
    error: cause,
    payload: isLarge ? "" : Buffer.from(data).toString("base64"),
    ...(isLarge ? { payload_artifact: await ports.putArtifact(data) } : {}),
    received_at: time.toISOString(),
  };
  const publish = (token: string) => {
    const { source, now } = ports;
    const type = "dev.retune.alert.raised";
    const event = newEvent({ source, type, subject: "dead-letter", timeMs: now(), data: letter });
    return ports.publishOnce(subjects.alert("raised", "dead-letter", token), event);
  };
  const token = `${stream}-${durable}-${sequence}`;
  const { data: kept } = (await publish(token)).event;
  const isSame =
    kept.received_at === letter.received_at &&
    kept.payload === letter.payload &&
    kept.payload_artifact === letter.payload_artifact;
  if (!isSame)
    await publish(
      `${token}-${createHash("sha256").update(time.toISOString()).update(data).digest("hex").slice(0, 8)}`,
    );
}
