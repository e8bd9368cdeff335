import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The first executable file called `name` in the directories of `env.PATH`, then in `more`. */
export function whichProgram(
  name: string,
  env: NodeJS.ProcessEnv,
  more: readonly string[] = [],
): string | undefined {
  const directories = [...(env.PATH ?? "").split(delimiter).filter((part) => part !== ""), ...more];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Runs a program to its end.
 *
 * @returns what it wrote to standard output
 * @throws {Error} it cannot start, fails, or takes longer than `timeoutMs`; the message carries the
 *   last lines it wrote
 */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly timeoutMs: number; readonly cwd?: string },
): Promise<string> {
  return await new Promise((resolve, reject) => {
    const { env, cwd, timeoutMs: timeout } = options;
    execFile(program, args, { env, cwd, timeout, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const command = [program, ...args].join(" ");
      const why = error.killed ? `took longer than ${timeout} ms` : lastLines(`${stdout}\n${stderr}`, 3);
      reject(new Error(`'${command}' failed: ${why || error.message}`));
    });
  });
}

/** The last `count` lines that hold anything, joined by ` | `. */
export function lastLines(text: string, count: number): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-count).join(" | ");
}
