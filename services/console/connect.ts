import { join } from "node:path";
import { type Connection, connectBus } from "../../shared/bus/connect.ts";
import { parseServers } from "../../shared/bus/server-urls.ts";
import { connectionSettings, type NatsFlags } from "../../shared/bus/settings.ts";
import { explain } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import { codeVersion, folders, instanceName } from "../../shared/service.ts";
import type { Terminal } from "./terminal.ts";

const IDENTITIES = ["NATS_USER", "NATS_CREDS", "NATS_NKEY", "NATS_TOKEN"];

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

/**
 * The environment in which another process connects as `connectionSettings` would with these flags.
 *
 * Flags that name an identity leave out every other one of `env`: within an environment `NATS_USER` wins over
 * `NATS_TOKEN`, so the flag alone would not. `NATS_PASSWORD` stays, since a password may come from another layer
 * than its user.
 */
export function connectionEnv(flags: ConnectionFlags, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { server, user, creds, nkey, token } = flags;
  const named = {
    NATS_URL: server,
    NATS_CREDS: creds,
    NATS_NKEY: nkey,
    NATS_USER: user,
    NATS_PASSWORD: flags.password,
    NATS_TOKEN: token,
    NATS_CERT: flags.tlscert,
    NATS_KEY: flags.tlskey,
    NATS_CA: flags.tlsca,
    NATS_CONTEXT: flags.context,
  };
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value));
  const inUrl = server ? parseServers(server, "--server").user : undefined;
  if (!(user || creds || nkey || token || inUrl)) return { ...env, ...given };
  const others = Object.entries(env).filter(([name]) => !IDENTITIES.includes(name));
  return { ...Object.fromEntries(others), ...given };
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
