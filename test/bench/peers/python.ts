import { execFile } from "node:child_process";
import { join } from "node:path";

/** What a peer answered, or why it could not be asked. */
export type PeerAnswer<T> = { readonly answer: T } | { readonly skipped: string };

/**
 * Asks a Python script beside this file, given arguments, for one line of JSON. The interpreter is `RETUNE_PYTHON`,
 * else `python3`; where it or a module it needs is missing, the answer says so and the benchmark goes on without.
 */
export function askPython<T>(script: string, args: readonly string[]): Promise<PeerAnswer<T>> {
  const python = process.env.RETUNE_PYTHON || "python3";
  // Set on some machines for old numerical libraries; they slow new ones down, which would flatter us.
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
  const path = join(import.meta.dirname, script);
  return new Promise((resolve) => {
    execFile(python, [path, ...args], { env, maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      if (error === null) return resolve({ answer: JSON.parse(stdout) as T });
      const reason = stderr.trim().split("\n").at(-1) || error.message;
      resolve({ skipped: `${python}: ${reason}` });
    });
  });
}
