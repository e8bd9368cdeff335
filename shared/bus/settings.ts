import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Authenticator,
  credsAuthenticator,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { InvalidInputError } from "../errors.ts";
import { homeOf, loadNatsContext } from "./nats-context.ts";
import { parseServers } from "./server-urls.ts";

export const DEFAULT_NATS_URL = "nats://127.0.0.1:4222";

/** Settings by the names of the `nats` CLI. `creds`, `nkey`, `cert`, `key` and `ca` are paths. */
export interface NatsFlags {
  url?: string; // one or several, separated by commas
  user?: string; // without a password: a token, as the CLI has it
  password?: string;
  token?: string;
  creds?: string;
  nkey?: string;
  cert?: string;
  key?: string;
  ca?: string;
  context?: string;
}

type Name = Exclude<keyof NatsFlags, "context">;
const NAMES = ["url", "user", "password", "token", "creds", "nkey", "cert", "key", "ca"] as const;
const IDENTITIES = ["user", "creds", "nkey", "token"] as const;

interface Setting {
  readonly value: string;
  readonly origin: string; // as a person would look for it: '--creds', 'NATS_CREDS', a file and its field
}
type Layer = Partial<Record<Name, Setting>>;

/**
 * How to reach NATS, as the `nats` CLI decides it: flag, then environment (`NATS_URL`, `NATS_CREDS`,
 * `NATS_NKEY`, `NATS_USER`, `NATS_PASSWORD`, `NATS_TOKEN`, `NATS_CERT`, `NATS_KEY`, `NATS_CA`,
 * `NATS_CONTEXT`), then context (the named or the selected one), then `nats://127.0.0.1:4222`.
 * Empty strings mean unset.
 *
 * The identity comes whole from the first layer that names one, so that a user of the context does not
 * win over `NATS_CREDS`; only the password may come from another layer than its user. Within a layer
 * user, creds, nkey, token, in this order. `user:password@` or `token@` in a URL counts as its layer's.
 *
 * Credentials and seeds are read now, to fail early, and again at each reconnect, to follow rotation.
 *
 * @returns options for `connect()` of `@nats-io/transport-node`
 * @throws {InvalidInputError} naming file, variable or flag: an unreadable or malformed file, an
 *   unknown or malformed context, an impossible URL, a certificate without its key
 */
export function connectionSettings(
  flags: NatsFlags = {},
  env: NodeJS.ProcessEnv = process.env,
): NodeConnectionOptions {
  const context = loadNatsContext(flags.context || env.NATS_CONTEXT, env);
  const layers: readonly Layer[] = [
    layer((name) => [flags[name], `--${name}`]),
    layer((name) => [env[`NATS_${name.toUpperCase()}`], `NATS_${name.toUpperCase()}`]),
    layer((name) => [context?.fields[name], `NATS context file '${context?.path}', field '${name}'`]),
  ];
  const pick = (name: Name) => layers.map((each) => each[name]).find((setting) => setting !== undefined);

  const url = pick("url") ?? { value: DEFAULT_NATS_URL, origin: "default" };
  const { servers, tls: tlsScheme } = parseServers(url.value, url.origin);
  const identity = layers.find((each) => IDENTITIES.some((name) => each[name]));
  const authenticator = identity && authenticatorOf(identity, pick("password"), env);
  const files = tlsFiles(pick("cert"), pick("key"), pick("ca"), env);
  const tlsFirst = context?.fields.tls_first === true;
  const inboxPrefix = context?.fields.inbox_prefix;

  return {
    servers: [...servers],
    ...(authenticator ? { authenticator } : {}),
    // An empty object still says: refuse a server without TLS.
    ...(tlsScheme || files || tlsFirst
      ? { tls: { ...files, ...(tlsFirst ? { handshakeFirst: true } : {}) } }
      : {}),
    ...(inboxPrefix ? { inboxPrefix } : {}),
  };
}

function layer(read: (name: Name) => [value: string | undefined, origin: string]): Layer {
  const settings: Layer = {};
  for (const name of NAMES) {
    const [value, origin] = read(name);
    if (value) settings[name] = { value, origin };
  }
  const { url } = settings;
  if (!url || IDENTITIES.some((name) => settings[name])) return settings;
  const { user, password } = parseServers(url.value, url.origin);
  if (user) settings.user = { value: user, origin: url.origin };
  if (password) settings.password = { value: password, origin: url.origin };
  return settings;
}

function authenticatorOf(
  identity: Layer,
  password: Setting | undefined,
  env: NodeJS.ProcessEnv,
): Authenticator | undefined {
  const { user, creds, nkey, token } = identity;
  if (user && password) return usernamePasswordAuthenticator(user.value, password.value);
  if (user) return tokenAuthenticator(user.value);
  if (creds) return checked(credsAuthenticator(rereading(creds, env)), creds, "NATS credentials");
  if (nkey) {
    const text = rereading(nkey, env);
    return checked(
      nkeyAuthenticator(() => seedIn(text())),
      nkey,
      "an nkey seed",
    );
  }
  return token && tokenAuthenticator(token.value);
}

/** A seed file may be bare or decorated with BEGIN and END lines. */
function seedIn(text: Uint8Array): Uint8Array {
  const seed = /\bS[A-Z2-7]{50,}\b/.exec(new TextDecoder().decode(text))?.[0];
  if (!seed) throw new Error("no line holds a seed");
  return new TextEncoder().encode(seed);
}

/** Signs a sample nonce, so that a malformed file is refused here and not in the middle of a handshake. */
function checked(authenticator: Authenticator, { value, origin }: Setting, what: string): Authenticator {
  try {
    authenticator("nonce");
  } catch (cause) {
    throw new InvalidInputError(`${origin}: '${value}' does not hold ${what}`, { cause });
  }
  return authenticator;
}

/** The file's bytes as of now; while it cannot be read (mid-rotation), the last ones read. */
function rereading(setting: Setting, env: NodeJS.ProcessEnv): () => Uint8Array {
  const path = readablePath(setting, env);
  let last: Uint8Array = readFileSync(path);
  return () => {
    try {
      last = readFileSync(path);
    } catch {}
    return last;
  };
}

function tlsFiles(
  cert: Setting | undefined,
  key: Setting | undefined,
  ca: Setting | undefined,
  env: NodeJS.ProcessEnv,
): { certFile?: string; keyFile?: string; caFile?: string } | undefined {
  if (!cert !== !key) {
    const present = cert ?? key;
    throw new InvalidInputError(`${present?.origin}: a certificate and its key go together, one is missing`);
  }
  if (!cert && !ca) return undefined;
  return {
    ...(cert && key ? { certFile: readablePath(cert, env), keyFile: readablePath(key, env) } : {}),
    ...(ca ? { caFile: readablePath(ca, env) } : {}),
  };
}

function readablePath({ value, origin }: Setting, env: NodeJS.ProcessEnv): string {
  const path = value === "~" || value.startsWith("~/") ? join(homeOf(env), value.slice(1)) : value;
  try {
    readFileSync(path);
  } catch (cause) {
    throw new InvalidInputError(`${origin}: cannot read '${path}'`, { cause });
  }
  return path;
}
