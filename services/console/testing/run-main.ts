import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Builds of the page and starts of every service included. */
const LIMIT_MS = 40_000;

/**
 * The `retune` command in a process of its own, on no server but the one `args` or `env` name. One that does not end
 * within 40 s is killed: its code is null.
 */
export async function runMain(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly errors: string }> {
  const { NATS_URL: _, NATS_CONTEXT: __, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, "..", "main.ts"), ...args], {
    env: { ...inherited, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const [errors, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { code, errors };
}
