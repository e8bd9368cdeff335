import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { Bus } from "./bus/bus.ts";
import { type Connection, connectBus } from "./bus/connect.ts";
import { connectionSettings } from "./bus/settings.ts";
import { type Clock, systemClock } from "./clock.ts";
import { explain, InvalidInputError } from "./errors.ts";
import { newUuidV7 } from "./ids.ts";
import { createLog, type Log } from "./log.ts";

export const ROOT = resolve(import.meta.dirname, "..");

/** Where things are kept: `RETUNE_DATA` and `RETUNE_CONFIGS`, else folders of the project. */
export interface Folders {
  readonly root: string;
  readonly data: string;
  readonly configs: string;
}

/** What the shell gives a service. */
export interface ServiceContext {
  readonly bus: Bus;
  /** Time of the world that is decided about. Durations of work and time-outs use real time. */
  readonly clock: Clock;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  readonly dirs: Folders;
  readonly instance: string;
  /** For `newEvent`: `retune/<service>/<instance>`. */
  readonly source: string;
  readonly codeVersion: string;
  /** Shows a lasting problem under `name` in `/healthz` and STATS; null when it is over. */
  readonly reportHealth: (name: string, problem: string | null) => void;
  /** The lasting problems of this process: of this service, or of all that share the process. */
  readonly problems: ReadonlyMap<string, string>;
}

export interface RunningService {
  /** Stops taking work in, finishes what is in flight. */
  stop(): Promise<void>;
}

export interface Service {
  readonly name: string;
  readonly description: string;
  start(context: ServiceContext): Promise<RunningService>;
}

export function folders(env: NodeJS.ProcessEnv): Folders {
  return {
    root: ROOT,
    data: resolve(env.RETUNE_DATA || join(ROOT, ".data")),
    configs: resolve(env.RETUNE_CONFIGS || join(ROOT, "configs")),
  };
}

/** Unique among processes, readable in a log. */
export function instanceName(): string {
  return `${hostname()
    .replace(/[^A-Za-z0-9-]/g, "-")
    .slice(0, 40)}-${process.pid}-${newUuidV7().slice(-4)}`;
}

/** What runs here, for receipts: the version, with the commit where git knows it. */
export function codeVersion(env: NodeJS.ProcessEnv): string {
  if (env.RETUNE_CODE_VERSION) return env.RETUNE_CODE_VERSION;
  try {
    const commit = execFileSync("git", ["rev-parse", "--short=12", "HEAD"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return `0.1.0+${commit.trim()}`;
  } catch {
    return "0.1.0";
  }
}

/**
 * Makes the context of one service over a connection that may be shared. Services that share a process share
 * `problems`, too, each under its own name.
 */
export function serviceContext(
  service: Pick<Service, "name">,
  shell: {
    bus: Bus;
    clock: Clock;
    log: Log;
    env: NodeJS.ProcessEnv;
    instance: string;
    codeVersion: string;
    dirs?: Folders;
    problems?: Map<string, string>;
  },
): ServiceContext {
  const problems = shell.problems ?? new Map<string, string>();
  const reportHealth = (name: string, problem: string | null) => {
    const key = shell.problems === undefined ? name : `${service.name}: ${name}`;
    if (problem === null) problems.delete(key);
    else problems.set(key, problem);
  };
  const { env, instance } = shell;
  const source = `retune/${service.name}/${instance}`;
  const log = shell.log.child({ service: service.name });
  return { ...shell, log, dirs: shell.dirs ?? folders(env), source, reportHealth, problems };
}

const STOP_LIMIT_MS = 20_000;

/**
 * The process around one service: connects as the `nats` CLI would, checks the topology, starts, answers
 * `/healthz` on `RETUNE_HTTP_PORT` where that is set, drains on SIGTERM and SIGINT within 20 s. Exits 1 when
 * it cannot start or the connection is lost for good, so that a supervisor starts it anew.
 */
export async function runService(service: Service, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const log = createLog(env);
  const instance = instanceName();
  const version = codeVersion(env);
  const asked = shutdownSignal();
  let connection: Connection | undefined;
  try {
    const dirs = folders(env);
    connection = await connectBus(connectionSettings({}, env), {
      source: `retune/${service.name}/${instance}`,
      artifactFolder: join(dirs.data, "artifacts"),
      codeVersion: version,
      log: log.child({ service: service.name }),
      now: () => Date.now(),
    });
    await connection.provision({ replicas: replicas(env), create: env.RETUNE_PROVISION !== "never" });
    const shell = { bus: connection.bus, clock: systemClock, log, env, instance, codeVersion: version, dirs };
    const context = serviceContext(service, shell);
    const running = await service.start(context);
    const health = serveHealth(env, context.problems, connection, log);
    context.log.info({ server: connection.server, version, instance }, "started");
    const reason = await Promise.race([asked, connection.closed.then((why) => ({ lost: why }))]);
    const limit = setTimeout(() => {
      context.log.error({}, "stopping took too long");
      process.exit(1);
    }, STOP_LIMIT_MS);
    await running.stop();
    health?.close();
    await connection.drain();
    clearTimeout(limit);
    if (typeof reason === "object") {
      context.log.error({ err: reason.lost }, "the connection to NATS is closed");
      process.exitCode = 1;
    } else context.log.info({ signal: reason }, "stopped");
  } catch (err) {
    log.error({ err, service: service.name }, explain(err));
    await connection?.drain();
    process.exit(1);
  }
}

export function replicas(env: NodeJS.ProcessEnv): 1 | 3 {
  const asked = env.RETUNE_REPLICAS || "1";
  if (asked !== "1" && asked !== "3")
    throw new InvalidInputError(`RETUNE_REPLICAS is '${asked}', expected 1 or 3`);
  return asked === "3" ? 3 : 1;
}

/** Resolves with the name of the first signal that asks the process to end. */
export function shutdownSignal(): Promise<string> {
  return new Promise((resolvePromise) => {
    process.once("SIGTERM", () => resolvePromise("SIGTERM"));
    process.once("SIGINT", () => resolvePromise("SIGINT"));
  });
}

function serveHealth(
  env: NodeJS.ProcessEnv,
  problems: ReadonlyMap<string, string>,
  connection: Connection,
  log: Log,
) {
  if (!env.RETUNE_HTTP_PORT) return undefined;
  const server = createServer((request, response) => {
    const known = request.url === "/healthz" || request.url === "/readyz";
    const body = {
      ok: problems.size === 0,
      problems: Object.fromEntries(problems),
      refusals: connection.refusals(),
    };
    response.writeHead(known ? (body.ok ? 200 : 503) : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(known ? body : { error: "not found" }));
  });
  server.on("error", (err) =>
    log.error({ err, port: env.RETUNE_HTTP_PORT }, "health port could not be opened"),
  );
  server.listen(Number(env.RETUNE_HTTP_PORT), env.RETUNE_HTTP_HOST || "127.0.0.1");
  return server;
}
