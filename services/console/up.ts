import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Connection, connectBus } from "../../shared/bus/connect.ts";
import type { EmbeddedServer } from "../../shared/bus/server/embedded.ts";
import { findNatsServer } from "../../shared/bus/server/find.ts";
import { connectionSettings } from "../../shared/bus/settings.ts";
import { type Clock, systemClock, VirtualClock } from "../../shared/clock.ts";
import { createLog, type Log } from "../../shared/log.ts";
import {
  codeVersion,
  type Folders,
  folders,
  instanceName,
  type RunningService,
  replicas,
  type Service,
  serviceContext,
  shutdownSignal,
} from "../../shared/service.ts";
import { applySpecs, readSpecFiles } from "../../shared/spec-files.ts";
import { DEMO_START_MS, playDemo, prepareDemo } from "./demo/demo.ts";
import { startOwnServer } from "./own-server.ts";

export interface UpOptions {
  readonly demo: boolean;
  readonly port?: number;
  readonly data?: string;
}

/** Order of start: who provides for others comes first. Stopping goes the other way. */
const ORDER = [
  "inference-buffer",
  "forecaster",
  "fleet-monitor",
  "deployer",
  "ab-tester",
  "validator",
  "optimizer",
  "notifier",
  "console",
  "trigger",
];

const NATS_PORT = 4222;
const STOP_LIMIT_MS = 25_000;

/**
 * The whole system in one process: a nats-server of its own (unless `NATS_URL` or a context names one), the
 * topology, the specs of `configs/forecasters`, every service. Runs until SIGINT or SIGTERM.
 *
 * The demo always brings its own server: its decisions of another year must never enter a real audit log.
 */
export async function runUp(options: UpOptions): Promise<void> {
  const env = { ...process.env, RETUNE_PORT: String(options.port ?? (process.env.RETUNE_PORT || 9000)) };
  const log = createLog(options.demo ? { LOG_LEVEL: "warn", ...env } : env);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const base = { ...folders(env), ...(options.data === undefined ? {} : { data: resolve(options.data) }) };
  const dirs = options.demo ? await prepareDemo(base) : base;
  const clock = options.demo ? new VirtualClock(DEMO_START_MS) : systemClock;

  // Whatever fails from here on ends the server, too: this process could not end beside it.
  await using server = options.demo || !namesServer(env) ? await ownServer(env, dirs, say) : undefined;
  const settings = server === undefined ? connectionSettings({}, env) : { servers: server.url };
  const system = await startAll({ env, dirs, clock, log, settings });
  say(`Retune is running: http://127.0.0.1:${env.RETUNE_PORT}  (NATS ${system.server})`);
  if (server !== undefined && server.port !== NATS_PORT) say(`For the CLI: export NATS_URL=${server.url}`);
  say("Stop it with Ctrl-C.");

  const stopping = new AbortController();
  const playing =
    clock instanceof VirtualClock
      ? playDemo({ bus: system.bus, clock, dirs, log, say, signal: stopping.signal })
      : undefined;
  playing?.catch((err: unknown) => log.error({ err }, "the demo stopped"));

  const lost = [
    server?.exited.then(() => "nats-server ended"),
    system.closed.then(() => "the connection to NATS is closed"),
  ];
  const reason = await Promise.race([shutdownSignal(), ...lost.filter((each) => each !== undefined)]);
  const limit = setTimeout(() => process.exit(1), STOP_LIMIT_MS);
  stopping.abort();
  await playing?.catch(() => {});
  await system.stop();
  await server?.stop();
  clearTimeout(limit);
  if (!reason.startsWith("SIG")) {
    say(reason);
    process.exitCode = 1;
  }
}

function namesServer(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.NATS_URL || env.NATS_CONTEXT);
}

/** Starts a nats-server on the data folder, on the usual port where that is free. */
async function ownServer(
  env: NodeJS.ProcessEnv,
  dirs: Folders,
  say: (line: string) => void,
): Promise<EmbeddedServer> {
  const found = await findNatsServer(env, undefined, say);
  const options = { bin: found.path, storeDir: join(dirs.data, "nats"), ownGroup: true };
  return startOwnServer(options, NATS_PORT);
}

interface System {
  readonly bus: Connection["bus"];
  readonly server: string;
  readonly closed: Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts every service over a connection of its own, so that each is what it would be in its own process. */
export async function startAll(shell: {
  env: NodeJS.ProcessEnv;
  dirs: Folders;
  clock: Clock;
  log: Log;
  settings: ReturnType<typeof connectionSettings>;
  only?: readonly string[];
}): Promise<System> {
  const { env, dirs, clock, log, settings } = shell;
  const instance = instanceName();
  const version = codeVersion(env);
  const connectAs = (name: string) =>
    connectBus(settings, {
      source: `retune/${name}/${instance}`,
      artifactFolder: join(dirs.data, "artifacts"),
      codeVersion: version,
      log: log.child({ service: name }),
      now: () => clock.now(),
    });

  const shared = await connectAs("up");
  const problems = new Map<string, string>();
  const opened: { connection: Connection; running?: RunningService; name: string }[] = [];
  const stop = async () => {
    for (const { name, running, connection } of opened.toReversed()) {
      await running
        ?.stop()
        .catch((err: unknown) => log.error({ err, service: name }, "did not stop in order"));
      await connection.drain();
    }
    await shared.drain();
  };
  try {
    await shared.provision({ replicas: replicas(env), create: true });
    await applySpecs(shared.bus, await readSpecFiles(join(dirs.configs, "forecasters")));
    for (const service of await loadServices(shell.only)) {
      const { name } = service;
      const connection = await connectAs(name);
      const own: (typeof opened)[number] = { connection, name };
      opened.push(own);
      const context = serviceContext(service, {
        bus: connection.bus,
        clock,
        log,
        env,
        instance,
        codeVersion: version,
        dirs,
        problems,
      });
      own.running = await service.start(context);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { bus: shared.bus, server: shared.server, closed: shared.closed, stop };
}

/** The services by their folders: the console starts them, and knows nothing of them but their names. */
async function loadServices(only: readonly string[] | undefined): Promise<Service[]> {
  const folder = resolve(import.meta.dirname, "..");
  const names = (await readdir(folder)).filter((name) => only === undefined || only.includes(name));
  const rank = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return Promise.all(
    names
      .sort((a, b) => rank(a) - rank(b))
      .map(async (name) => {
        const entry = join(folder, name, name === "console" ? "service.ts" : "main.ts");
        const { service } = (await import(pathToFileURL(entry).href)) as { service: Service };
        return service;
      }),
  );
}
