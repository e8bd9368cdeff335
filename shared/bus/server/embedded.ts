import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UnavailableError } from "../../errors.ts";
import { embeddedConfig } from "./embedded-config.ts";
import { withFileLock } from "./lock.ts";
import { freePort, type ServerGreeting, whenGreeted } from "./port.ts";
import { terminate } from "./process-info.ts";
import { isExecutable, lastLines, whichProgram } from "./run.ts";
import { dropClaim, reclaimStore, recordClaim } from "./store-claim.ts";

export interface EmbeddedOptions {
  readonly bin: string; // path of a nats-server, see findNatsServer
  readonly storeDir: string; // holds streams, configuration, log and pid file; made when missing
  readonly host?: string; // 127.0.0.1
  readonly port?: number; // a free one
  readonly logFile?: string; // <storeDir>/nats-server.log
  readonly config?: string; // more lines in the server's own syntax
  readonly ownGroup?: boolean; // true: Ctrl-C reaches our process but not the server, which we stop last
}

export interface EmbeddedServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  /** Ends the server in order; resolves once it is gone. */
  stop(): Promise<void>;
  /** SIGKILL: what a crash looks like. The store can be started again, on the same port too. */
  kill(): void;
  /** Resolves when the server has ended, with its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

const READY_TIMEOUT_MS = 30_000; // recovering a large store takes long
const STOP_GRACE_MS = 10_000;
const LOCK_TIMEOUT_MS = 20_000;
const PORT_ATTEMPTS = 5;
const MAX_LOG_BYTES = 16 << 20; // an older log above this is dropped at start

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGTERM");
});

/**
 * Starts a nats-server with JetStream for this process alone, bound to loopback unless told otherwise,
 * and waits until it answers. It ends with the thread that started it where the system can promise that
 * (Linux with util-linux); elsewhere the next start on the same store ends a server that was left behind.
 *
 * @throws {UnavailableError} another live process runs a server on this store; or the server ends or
 *   stays silent during start: the message holds the tail of its log
 */
export async function startEmbeddedServer(options: EmbeddedOptions): Promise<EmbeddedServer> {
  if (!isExecutable(options.bin)) throw new UnavailableError(`'${options.bin}' is not an executable file`);
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options, options.port ?? (await freePort(options.host)));
    } catch (error) {
      // Between finding a free port and binding it, someone else may have taken it.
      const taken = error instanceof Error && error.message.includes("address already in use");
      if (!taken || options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function start(options: EmbeddedOptions, port: number): Promise<EmbeddedServer> {
  const { host = "127.0.0.1" } = options;
  const storeDir = resolve(options.storeDir);
  const logFile = options.logFile ?? join(storeDir, "nats-server.log");
  // The name tells our server from a stranger on the same port, and stays the same over restarts.
  const serverName = `retune-${createHash("sha256").update(storeDir).digest("hex").slice(0, 12)}`;
  mkdirSync(storeDir, { recursive: true });
  const logStart = logSize(logFile);

  const { child, exited } = await withFileLock(join(storeDir, "start.lock"), LOCK_TIMEOUT_MS, async () => {
    await reclaimStore(storeDir);
    const config = embeddedConfig({ host, port, serverName, storeDir, extra: options.config });
    const configFile = join(storeDir, "nats-server.conf");
    writeFileSync(configFile, config);
    const started = spawnServer(options, configFile, logFile, logStart);
    if (started.child.pid !== undefined) recordClaim(storeDir, started.child.pid);
    return started;
  });
  const { pid } = child;
  if (pid === undefined) throw new UnavailableError(`cannot start '${options.bin}'`);
  running.add(child);
  const ended = new AbortController();
  void exited.then(() => {
    running.delete(child);
    dropClaim(storeDir, pid);
    ended.abort();
  });

  const until = AbortSignal.any([ended.signal, AbortSignal.timeout(READY_TIMEOUT_MS)]);
  const isOurs = (greeting: ServerGreeting) =>
    greeting.server_name === serverName && greeting.jetstream === true;
  const greeting = await whenGreeted(host, port, isOurs, until);
  if (!greeting) {
    await terminate(pid, 0);
    await exited;
    const tail = lastLines(readFileSync(logFile).subarray(logStart).toString("utf8"), 5);
    throw new UnavailableError(`nats-server did not start on ${host}:${port} with '${storeDir}': ${tail}`);
  }
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) await terminate(pid, STOP_GRACE_MS);
    await exited;
  };
  return {
    url: `nats://${host}:${port}`,
    host,
    port,
    pid,
    version: greeting.version,
    stop,
    kill: () => void child.kill("SIGKILL"),
    exited,
    [Symbol.asyncDispose]: stop,
  };
}

function spawnServer(
  { bin, ownGroup = true }: EmbeddedOptions,
  configFile: string,
  logFile: string,
  logStart: number,
): { child: ChildProcess; exited: Promise<number | null> } {
  const log = openSync(logFile, logStart === 0 ? "w" : "a");
  try {
    // setpriv makes the kernel end the server when we die, even by SIGKILL; then it becomes the server.
    const setpriv = process.platform === "linux" ? whichProgram("setpriv", process.env) : undefined;
    const command = [...(setpriv ? [setpriv, "--pdeathsig", "TERM"] : []), bin, "-c", configFile];
    const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", log, log], detached: ownGroup });
    const exited = new Promise<number | null>((settle) => {
      child.once("exit", (code) => settle(code)).once("error", () => settle(null));
    });
    return { child, exited };
  } finally {
    closeSync(log);
  }
}

/** Where this start's lines begin in the log; 0 when there is none, or one so long that it starts over. */
function logSize(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return size > MAX_LOG_BYTES ? 0 : size;
}
