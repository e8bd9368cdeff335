import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Whether nobody listens on a port, so that a server may. */
export async function isFree(port: number, host = "127.0.0.1"): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** A TCP port of `host` that nobody listens on at this moment. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** What matters of the INFO line with which a nats-server greets each connection. */
export interface ServerGreeting {
  readonly version: string;
  readonly server_name: string;
  readonly jetstream?: boolean;
}

const RETRY_MS = 10;
const GREETING_TIMEOUT_MS = 2_000;

/**
 * Asks again and again until the server greets us and `accept` agrees.
 *
 * @returns undefined when `until` is aborted first
 */
export async function whenGreeted(
  host: string,
  port: number,
  accept: (greeting: ServerGreeting) => boolean,
  until: AbortSignal,
): Promise<ServerGreeting | undefined> {
  while (!until.aborted) {
    const greeting = await greetingOf(host, port);
    if (greeting && accept(greeting)) return greeting;
    await sleep(RETRY_MS);
  }
  return undefined;
}

/** The greeting of whoever listens on the port; undefined when nobody does, or no nats-server does. */
export async function greetingOf(host: string, port: number): Promise<ServerGreeting | undefined> {
  const line = await new Promise<string>((resolve) => {
    let text = "";
    const socket = connect({ host, port });
    const end = () => {
      socket.destroy();
      resolve(text);
    };
    socket.setEncoding("utf8").setTimeout(GREETING_TIMEOUT_MS, end);
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) end();
    });
    socket.on("error", end).on("end", end);
  });
  if (!line.startsWith("INFO ")) return undefined;
  try {
    return JSON.parse(line.slice("INFO ".length, line.indexOf("\n"))) as ServerGreeting;
  } catch {
    return undefined;
  }
}
