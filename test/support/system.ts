import { execFile } from "node:child_process";
import { join } from "node:path";
import { startAll } from "../../services/console/up.ts";
import { systemClock } from "../../shared/clock.ts";
import { ROOT } from "../../shared/service.ts";
import { type RecordedLog, recordedLog } from "./context.ts";
import type { World } from "./world.ts";

/** Every service in this process, on the world's server and folders. */
export async function startSystem(
  { env, data, configs, nats }: World,
  more: NodeJS.ProcessEnv = {},
): Promise<{ log: RecordedLog; stop(): Promise<void> }> {
  const log = recordedLog();
  const system = await startAll({
    env: { ...env, ...more },
    dirs: { root: ROOT, data, configs },
    clock: systemClock,
    log,
    settings: { servers: nats.url },
  });
  return { log, stop: () => system.stop() };
}

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `retune <args>` in a process of its own. */
export function retune({ env }: World, args: readonly string[]): Promise<CommandResult> {
  const script = join(ROOT, "services", "console", "main.ts");
  return new Promise((resolve) => {
    const options = { env, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [script, ...args], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
    });
  });
}
