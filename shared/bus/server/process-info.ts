import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface ProcessInfo {
  readonly command: string; // program and arguments
  readonly started: string; // opaque; differs between two processes that had the same id
}

/** What the system says of process `pid`; undefined when there is none (a zombie is none). */
export function processInfo(pid: number): ProcessInfo | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  try {
    if (process.platform !== "linux") return fromPs(pid);
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; state is field 3 and the start time field 22.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : { command, started: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): ProcessInfo | undefined {
  const ps = (column: string) =>
    execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" }).trim();
  const command = ps("command");
  return command === "" ? undefined : { command, started: ps("lstart") };
}

export function isAlive(pid: number): boolean {
  return processInfo(pid) !== undefined;
}

/** Asks `pid` to end, insists after `graceMs`, and resolves once it is gone. */
export async function terminate(pid: number, graceMs: number): Promise<void> {
  const insistAt = Date.now() + graceMs;
  let signal: "SIGTERM" | "SIGKILL" = "SIGTERM";
  signalProcess(pid, signal);
  while (isAlive(pid)) {
    if (signal === "SIGTERM" && Date.now() > insistAt) {
      signal = "SIGKILL";
      signalProcess(pid, signal);
    }
    await sleep(10);
  }
}

function signalProcess(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {} // already gone
}
