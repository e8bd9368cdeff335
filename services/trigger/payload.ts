import type { ZodType } from "zod";
import type { Message } from "../../shared/bus/message.ts";
import { InvalidInputError } from "../../shared/errors.ts";
import type { Batch } from "./monitor/monitor.ts";

const DAY_MS = 86_400_000;

/** Records of a telemetry payload: one or an array. Those that break the contract are counted, not thrown. */
export function records<T>(message: Message, schema: ZodType<T>): { records: T[]; broken: number } {
  const payload = message.json();
  const all = Array.isArray(payload) ? payload : [payload];
  const good = all.flatMap((each) => {
    const parsed = schema.safeParse(each);
    return parsed.success ? [parsed.data] : [];
  });
  return { records: good, broken: all.length - good.length };
}

/** Records of a later time are mistakes: more than a day after their message was stored and after `nowMs`. */
export function latestOf(storedMs: number, nowMs = storedMs): number {
  return Math.max(storedMs, nowMs) + DAY_MS;
}

/**
 * The records of a telemetry message that keep the contract, and how many do not; undefined where it is no JSON.
 *
 * @param nowMs of the clock of the world
 */
export function telemetryBatch<T>(
  message: Message,
  schema: ZodType<T>,
  nowMs: number,
): (Batch<T> & { readonly broken: number }) | undefined {
  const { sequence, time } = message;
  try {
    return { sequence, latestMs: latestOf(time.getTime(), nowMs), ...records(message, schema) };
  } catch (error) {
    if (error instanceof InvalidInputError) return undefined;
    throw error;
  }
}
