import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectBus } from "../../shared/bus/connect.ts";
import { type Clock, VirtualClock } from "../../shared/clock.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import type { Log } from "../../shared/log.ts";
import { ROOT, type ServiceContext, serviceContext } from "../../shared/service.ts";

/** Log that keeps its lines, so that a test may ask what was said. */
export interface RecordedLog extends Log {
  readonly lines: { level: string; message: string; fields: Record<string, unknown> }[];
}

export function recordedLog(): RecordedLog {
  const lines: RecordedLog["lines"] = [];
  const at = (base: object): RecordedLog => {
    const write = (level: string) => (fields: object, message: string) => {
      lines.push({ level, message, fields: { ...base, ...fields } });
    };
    return {
      lines,
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      child: (fields) => at({ ...base, ...fields }),
    };
  };
  return at({});
}

export interface TestContext extends ServiceContext, AsyncDisposable {
  readonly log: RecordedLog;
}

export const TEST_TIME_MS = Date.parse("2025-01-01T00:00:00Z");

/** A service's context on a real server: topology provisioned, folders temporary, clock virtual unless given. */
export async function testContext(
  nats: { url: string },
  overrides: { name?: string; clock?: Clock; env?: NodeJS.ProcessEnv; data?: string; configs?: string } = {},
): Promise<TestContext> {
  const temporary = await mkdtemp(join(tmpdir(), "retune-test-"));
  const { name = "test", clock = new VirtualClock(TEST_TIME_MS), env = {} } = overrides;
  const dirs = {
    root: ROOT,
    data: overrides.data ?? join(temporary, "data"),
    configs: overrides.configs ?? join(temporary, "configs"),
  };
  const log = recordedLog();
  const instance = `test-${newUuidV7().slice(-6)}`;
  const connection = await connectBus(
    { servers: nats.url },
    {
      source: `retune/${name}/${instance}`,
      artifactFolder: join(dirs.data, "artifacts"),
      codeVersion: "test",
      log,
      now: () => clock.now(),
    },
  );
  await connection.provision({ replicas: 1, create: true });
  const shell = { bus: connection.bus, clock, log, env, instance, codeVersion: "test", dirs };
  const context = serviceContext({ name }, shell);
  return {
    ...context,
    log,
    async [Symbol.asyncDispose]() {
      await connection.drain();
      await rm(temporary, { recursive: true, force: true });
    },
  };
}
