import { setTimeout as sleep } from "node:timers/promises";
import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { UnavailableError } from "../errors.ts";

/** "wrong last sequence": somebody else was first, or (10164, clusters from 2.11) is being first just now. */
export function isWrongLastSequence(error: unknown): boolean {
  return error instanceof JetStreamApiError && (error.code === 10071 || error.code === 10164);
}

/**
 * Repeats `attempt` while the server does not answer, for up to `limitMs`. Answers of the server are passed
 * on at once, except "stream is full" and the like (status 503), which mean: later.
 *
 * @throws {UnavailableError} when the time is up, with the last error as its cause
 */
export async function whileUnavailable<T>(
  what: string,
  attempt: () => Promise<T>,
  limitMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (let delayMs = 20; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    try {
      return await attempt();
    } catch (error) {
      if (isFinal(error)) throw error;
      if (performance.now() + delayMs > deadline)
        throw new UnavailableError(`${what}: no answer in ${limitMs} ms`, { cause: error });
      await sleep(delayMs);
    }
  }
}

function isFinal(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.status !== 503;
  if (error instanceof JetStreamError) return false;
  const name = error instanceof Error ? error.name : "";
  // Requests that fell into a reconnect or a restarting server; all else is a mistake of ours.
  return ![
    "TimeoutError",
    "NoRespondersError",
    "RequestError",
    "ConnectionError",
    "ClosedConnectionError",
    "JetStreamNotEnabled",
  ].includes(name);
}
