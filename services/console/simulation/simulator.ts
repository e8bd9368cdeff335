import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { check } from "../../../shared/check.ts";
import { SimulationReport, type SimulationRequest } from "../../../shared/contracts/simulation.ts";
import { UnavailableError } from "../../../shared/errors.ts";
import type { ConnectionFlags } from "../connect.ts";

const SIMULATOR = resolve(import.meta.dirname, "../../trigger/simulate/main.ts");

/** The connection flags of the command line as the environment variables that mean the same. */
function connectionEnv(flags: ConnectionFlags): NodeJS.ProcessEnv {
  const named = {
    NATS_URL: flags.server,
    NATS_CREDS: flags.creds,
    NATS_NKEY: flags.nkey,
    NATS_USER: flags.user,
    NATS_PASSWORD: flags.password,
    NATS_TOKEN: flags.token,
    NATS_CERT: flags.tlscert,
    NATS_KEY: flags.tlskey,
    NATS_CA: flags.tlsca,
    NATS_CONTEXT: flags.context,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

/**
 * Runs the trigger's simulator in a process of its own: it decides with the trigger's very functions, and may
 * compute for minutes. What it says on the way goes to `say`.
 *
 * @throws {UnavailableError} when it ends without a report, with what it said last
 */
export async function runSimulator(
  request: SimulationRequest,
  parts: {
    readonly flags: ConnectionFlags;
    readonly env: NodeJS.ProcessEnv;
    readonly say: (line: string) => void;
    readonly stop: AbortSignal;
  },
): Promise<SimulationReport> {
  const child = spawn(process.execPath, [SIMULATOR], {
    env: { ...parts.env, ...connectionEnv(parts.flags) },
    stdio: ["pipe", "pipe", "pipe"],
    signal: parts.stop,
  });
  const exited = once(child, "exit");
  child.stdin.on("error", () => {}); // it may have ended before it read; its exit says why
  child.stdin.end(JSON.stringify(request));
  let last = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    for (const line of chunk.split("\n").filter((each) => each.trim() !== "")) {
      last = line;
      parts.say(line);
    }
  });
  const [output, [code]] = await Promise.all([text(child.stdout), exited]);
  if (code !== 0) throw new UnavailableError(last || `the simulation ended with exit code ${code}`);
  return check(SimulationReport, JSON.parse(output), "the simulator's report");
}
