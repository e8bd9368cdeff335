import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedServer } from "../../shared/bus/server/embedded.ts";
import { findNatsServer } from "../../shared/bus/server/find.ts";
import { UnavailableError } from "../../shared/errors.ts";
import { startNatsContainer } from "./nats-container.ts";

export interface TestNats extends AsyncDisposable {
  readonly url: string; // the same after a restart
  readonly port: number;
  readonly storeDir: string; // on this machine, or inside the container
  readonly version: string;
  /** Ends the server in order and starts it again on the same port and store. */
  restart(): Promise<void>;
  /** The same after SIGKILL: what was acknowledged is there, what was in flight may not be. */
  kill9AndRestart(): Promise<void>;
  /** Ends the server and removes its store. */
  stop(): Promise<void>;
}

export interface TestNatsOptions {
  readonly bin?: string; // instead of the nats-server that findNatsServer finds
  readonly config?: string; // more lines in the server's own syntax; not with a container
}

/**
 * A real nats-server with JetStream for one test file, on a free port of loopback with a store of its
 * own. Taken from this machine, or from Docker where the machine has none and Docker answers.
 *
 * @throws {UnavailableError} neither: a missing server fails the tests, it never skips them
 */
export async function startTestNats(options: TestNatsOptions = {}): Promise<TestNats> {
  let bin: string;
  try {
    bin = options.bin ?? (await findNatsServer()).path;
  } catch (notFound) {
    return await startNatsContainer().catch((cause: unknown) => {
      const message = `${(notFound as Error).message}\n  Docker: ${(cause as Error).message}`;
      throw new UnavailableError(message, { cause });
    });
  }
  const storeDir = await mkdtemp(join(tmpdir(), "retune-nats-"));
  const start = (port?: number) =>
    startEmbeddedServer({ bin, storeDir, port, config: options.config, ownGroup: false });
  let server = await start();
  const { url, port, version } = server;

  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(storeDir, { recursive: true, force: true });
  };
  return {
    url,
    port,
    storeDir,
    version,
    async restart() {
      await server.stop();
      server = await start(port);
    },
    async kill9AndRestart() {
      server.kill();
      await server.exited;
      server = await start(port);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
