import type { NatsConnection } from "@nats-io/nats-core";
import { connect, type NodeConnectionOptions } from "@nats-io/transport-node";
import { UnavailableError } from "../errors.ts";

/**
 * A connection that reconnects for ever.
 *
 * @throws {UnavailableError} naming the server and how to choose another, when the first connect fails
 */
export async function dial(settings: NodeConnectionOptions, name: string): Promise<NatsConnection> {
  return connect({
    reconnectTimeWait: 100,
    reconnectJitter: 100,
    pingInterval: 5_000,
    maxPingOut: 2,
    timeout: 5_000,
    noAsyncTraces: true, // a stack trace for every request, kept for the case that it fails, is most of what one costs
    ...settings,
    name,
    maxReconnectAttempts: -1,
  }).catch((cause: unknown) => {
    throw new UnavailableError(
      `cannot connect to NATS at ${[settings.servers ?? "the default address"].flat().join(", ")}; set NATS_URL, or run 'npm start', which brings its own server`,
      { cause },
    );
  });
}
