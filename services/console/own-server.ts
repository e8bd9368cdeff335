import {
  type EmbeddedOptions,
  type EmbeddedServer,
  startEmbeddedServer,
} from "../../shared/bus/server/embedded.ts";
import { isFree } from "../../shared/bus/server/port.ts";

/** Starts a nats-server on the usual port where that is free, on any free one elsewhere. */
export async function startOwnServer(
  options: Omit<EmbeddedOptions, "port">,
  usualPort: number,
): Promise<EmbeddedServer> {
  return (await isFree(usualPort)) ? startAt(usualPort, options) : startEmbeddedServer(options);
}

/**
 * Starts a nats-server on a port that was free a moment ago: of two processes that saw it free the slower one goes
 * to another.
 *
 * @throws {UnavailableError} as `startEmbeddedServer` does
 */
export async function startAt(port: number, options: Omit<EmbeddedOptions, "port">): Promise<EmbeddedServer> {
  try {
    return await startEmbeddedServer({ ...options, port });
  } catch (error) {
    if (await isFree(port)) throw error;
    return startEmbeddedServer(options);
  }
}
