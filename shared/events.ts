import type { CloudEvent } from "./contracts/envelope.ts";
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
