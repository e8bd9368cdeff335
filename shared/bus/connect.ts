import type { NatsConnection } from "@nats-io/nats-core";
import { connect, type NodeConnectionOptions } from "@nats-io/transport-node";
import { UnavailableError } from "../errors.ts";
import type { Log } from "../log.ts";
import { Bus, type BusOptions } from "./bus.ts";
import { SideLine } from "./side-line.ts";
import { type Provisioned, provision } from "./topology.ts";

export interface Connection {
  readonly bus: Bus;
  /** Resolves when the connection is closed for good, with the reason where there is one. */
  readonly closed: Promise<unknown>;
  readonly server: string;
  provision(options: { replicas: 1 | 3; create: boolean }): Promise<Provisioned[]>;
  /** What the server refused since the connection began: missing grants show only here. */
  refusals(): number;
  drain(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Connects and stays connected: it reconnects for ever and says so in the log.
 *
 * @throws {UnavailableError} naming the server and how to choose another, when the first connect fails
 */
export async function connectBus(settings: NodeConnectionOptions, options: BusOptions): Promise<Connection> {
  const { log } = options;
  const nc = await dial(settings, options.source);
  const artifacts = new SideLine(() => dial(settings, `${options.source}/artifacts`));
  const bus = await Bus.over(nc, artifacts, options);
  let refused = 0;
  void watchStatus(nc, bus, log, () => {
    refused += 1;
  });
  const drain = async () => {
    await artifacts.close();
    if (!nc.isClosed()) await nc.drain().catch((err: unknown) => log.warn({ err }, "drain ended early"));
  };
  return {
    bus,
    closed: nc.closed(),
    server: nc.getServer(),
    provision: (wanted) => provision(nc, wanted),
    refusals: () => refused,
    drain,
    [Symbol.asyncDispose]: drain,
  };
}

async function dial(settings: NodeConnectionOptions, name: string): Promise<NatsConnection> {
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

async function watchStatus(nc: NatsConnection, bus: Bus, log: Log, onRefusal: () => void): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === "reconnect") {
      log.info({ server: status.server }, "reconnected");
      bus.reconnected();
    } else if (status.type === "disconnect") log.warn({}, "disconnected from NATS, reconnecting");
    else if (status.type === "error") {
      onRefusal();
      log.error({ err: status.error }, "the server refused something");
    }
  }
}
