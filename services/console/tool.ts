import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { ZodType } from "zod";
import { check } from "../../shared/check.ts";
import { UnavailableError } from "../../shared/errors.ts";
import { type ConnectionFlags, connectionEnv } from "./connect.ts";
import type { Terminal } from "./terminal.ts";

/** How a tool begins the line that says why it failed. */
const FAILURE = "retune: ";
const SERVICES = resolve(import.meta.dirname, "..");

/** Tools by their folder among the services. */
export type ToolName =
  | "trigger/simulate"
  | "trigger/calibrate"
  | "optimizer/strategy"
  | "optimizer/portfolio";

/**
 * Asks a tool of a service, which runs in a process of its own: it decides with that service's very functions, and
 * may compute for minutes. What it says on the way goes to the terminal's error output.
 *
 * @throws {UnavailableError} when it ends without a report, with its reason
 */
export async function askTool<Report>(
  name: ToolName,
  request: object,
  report: ZodType<Report>,
  { flags, terminal }: { readonly flags: ConnectionFlags; readonly terminal: Terminal },
): Promise<Report> {
  const child = spawn(process.execPath, [resolve(SERVICES, name, "main.ts")], {
    env: connectionEnv(flags, terminal.env),
    stdio: ["pipe", "pipe", "pipe"],
    signal: terminal.stop,
  });
  const exited = once(child, "exit");
  child.stdin.on("error", () => {}); // it may have ended before it read; its exit says why
  child.stdin.end(JSON.stringify(request));
  let failure = `'${name}' ended without a report`;
  const lines = createInterface({ input: child.stderr });
  lines.on("line", (line) => {
    if (line.startsWith(FAILURE)) failure = line.slice(FAILURE.length);
    else terminal.error(line);
  });
  const said = once(lines, "close");
  const [output, [code]] = await Promise.all([text(child.stdout), exited, said]);
  if (code !== 0) throw new UnavailableError(failure);
  return check(report, JSON.parse(output), `the report of '${name}'`);
}
