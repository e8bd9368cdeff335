import type { NatsConnection } from "@nats-io/nats-core";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import type { Log } from "../log.ts";
import { ArtifactStore } from "./artifacts.ts";
import { Bus, type BusOptions } from "./bus.ts";
import { dial } from "./dial.ts";
import { Downloads } from "./downloads/downloads.ts";
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
  const line = new SideLine(() => dial(settings, `${options.source}/artifacts`));
  const downloads = new Downloads(settings, `${options.source}/downloads`, line);
  const bus = await Bus.over(nc, new ArtifactStore(line, downloads, options.artifactFolder), options);
  let refused = 0;
  void watchStatus(nc, bus, log, () => {
    refused += 1;
  });
  const drain = async () => {
    await downloads.close();
    await line.close();
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
