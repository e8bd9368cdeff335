import type { Message } from "../../shared/bus/message.ts";

/** Undefined for a payload that is no JSON: it is shown as such, and the buffer reports it. */
export function readJson(message: Pick<Message, "json">): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}
