import type { ZodType } from "zod";
import type { Message } from "./bus/message.ts";
import { check } from "./check.ts";
import { CloudEvent } from "./contracts/envelope.ts";
import { newUuidV7 } from "./ids.ts";

/** A CloudEvent with a fresh id. `timeMs` is the time of the decision, which the shell's clock gives. */
export function newEvent<D>(parts: {
  source: string;
  type: string;
  subject: string;
  timeMs: number;
  data: D;
  id?: string;
}): CloudEvent<D> {
  const { source, type, subject, timeMs, data, id } = parts;
  return {
    specversion: "1.0",
    id: id ?? newUuidV7(),
    source,
    type,
    subject,
    time: new Date(timeMs).toISOString(),
    data,
  };
}

/**
 * The event of a message, with data that keep their contract.
 *
 * @throws {InvalidInputError} naming the subject, the field and what was expected
 */
export function parseEvent<D>(message: Pick<Message, "subject" | "json">, schema: ZodType<D>): CloudEvent<D> {
  const what = `payload on '${message.subject}'`;
  const event = check(CloudEvent, message.json(), what);
  return { ...event, data: check(schema, event.data, what, "", ["data"]) };
}
