import { Token } from "../../../shared/contracts/subjects.ts";
import { RetrainRequest } from "../../../shared/contracts/trigger.ts";
import { InvalidInputError } from "../../../shared/errors.ts";

const EXPECTED =
  "expected nothing, {}, a forecaster's id, an object such as " +
  '{"forecaster":"usdclp-7d"} or an array of up to 1000 of those';
const MAX_ITEMS = 1_000;

/**
 * Reads a payload of `retrain.request` as people type it (K-4): nothing or `{}` (every forecaster), a bare id with
 * or without quotes, an object, an array of ids and objects. A request without a forecaster means every one.
 *
 * @throws {InvalidInputError} naming the subject, the field where there is one, and what was expected
 */
export function parseRequests(data: Uint8Array, subject: string): RetrainRequest[] {
  const text = new TextDecoder().decode(data).trim();
  if (text === "") return [RetrainRequest.parse({})];
  if (Token.safeParse(text).success) return [RetrainRequest.parse({ forecaster: text })];
  const payload = parse(text, subject);
  if (!Array.isArray(payload)) return [parseOne(payload, subject, "")];
  if (payload.length === 0 || payload.length > MAX_ITEMS)
    throw new InvalidInputError(`payload on '${subject}' is an array of ${payload.length}; ${EXPECTED}`);
  return payload.map((item, i) => parseOne(item, subject, `[${i}].`));
}

function parse(text: string, subject: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
    throw new InvalidInputError(`payload on '${subject}' is no JSON: ${shown}; ${EXPECTED}`, { cause });
  }
}

function parseOne(item: unknown, subject: string, at: string): RetrainRequest {
  const parsed = RetrainRequest.safeParse(typeof item === "string" ? { forecaster: item } : item);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = `${at}${issue?.path.join(".") ?? ""}`;
  const where = field === "" ? "" : ` field '${field}':`;
  throw new InvalidInputError(`payload on '${subject}':${where} ${issue?.message ?? "invalid"}; ${EXPECTED}`);
}
