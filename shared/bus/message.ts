import { InvalidInputError } from "../errors.ts";

/** A message as services see it: nothing of the client library leaks. */
export interface Message {
  readonly subject: string;
  /** Sequence in its stream. */
  readonly sequence: number;
  /** When the server stored it. */
  readonly time: Date;
  /** 1 on the first delivery. */
  readonly deliveries: number;
  readonly data: Uint8Array;
  /** Throws InvalidInputError naming the subject when the payload is no JSON. */
  json(): unknown;
}

const decoder = new TextDecoder();

export function parseJson(subject: string, data: Uint8Array): unknown {
  const text = decoder.decode(data);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
    throw new InvalidInputError(`payload on '${subject}' is no JSON: ${JSON.stringify(shown)}`, { cause });
  }
}

export function message(parts: Omit<Message, "json">): Message {
  return { ...parts, json: () => parseJson(parts.subject, parts.data) };
}
