import { join } from "node:path";
import { type Connection, connectBus } from "../../shared/bus/connect.ts";
import { connectionSettings, type NatsFlags } from "../../shared/bus/settings.ts";
import { explain } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import { codeVersion, folders, instanceName } from "../../shared/service.ts";
import type { Terminal } from "./terminal.ts";

/** Connection flags, named as the `nats` CLI names them. */
export interface ConnectionFlags extends Omit<NatsFlags, "url" | "cert" | "key" | "ca"> {
  readonly server?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly tlsca?: string;
}

/** Connects as the flags, the environment and the context say, and drains when `action` is done. */
export async function withConnection<T>(
  flags: ConnectionFlags,
  terminal: Terminal,
  action: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { env } = terminal;
  const { server: url, tlscert: cert, tlskey: key, tlsca: ca, ...rest } = flags;
  const connection = await connectBus(connectionSettings({ ...rest, url, cert, key, ca }, env), {
    source: `retune/cli/${instanceName()}`,
    artifactFolder: join(folders(env).data, "artifacts"),
    codeVersion: codeVersion(env),
    log: terminalLog(terminal),
    now: () => Date.now(),
  });
  try {
    return await action(connection);
  } finally {
    await connection.drain();
  }
}

/** What a person at a terminal should know of the connection: warnings and errors, one line each. */
function terminalLog(terminal: Terminal): Log {
  const say = (fields: object, message: string) => {
    const { err } = fields as { err?: unknown };
    terminal.error(`retune: ${message}${err === undefined ? "" : `: ${explain(err)}`}`);
  };
  const log: Log = { debug: () => {}, info: () => {}, warn: say, error: say, child: () => log };
  return log;
}
