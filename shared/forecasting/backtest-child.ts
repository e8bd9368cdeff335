import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { UnavailableError } from "../errors.ts";
import { OutOfMemoryError, type WorkerReply } from "./backtest-messages.ts";
import { kernelMemoryKills, residentMb } from "./process-memory.ts";

const MODULE = fileURLToPath(new URL("./backtest-process.ts", import.meta.url));
/** Room for short-lived objects in MB, in each of two halves. Backtests live in typed arrays and need little. */
const SEMI_SPACE_MB = 4;
/** Of what a dying process says, enough for V8's last words. */
const LAST_WORDS = 64 * 1024;
/** Node, the runtime's library and code: what a process takes before it has worked. */
const OWN_MEMORY_MB = 256;
const LOOK_AT_MEMORY_EVERY_MS = 200;

/** What becomes of a backtest process. */
export interface ChildListener {
  /** it has work: only then its memory is looked at */
  readonly isBusy: () => boolean;
  readonly onReply: (reply: WorkerReply) => void;
  /** it is gone, or about to be; called once or twice */
  readonly onEnd: (cause: Error) => void;
}

/** Starts a process that runs backtests, with as much memory as `BacktestRunnerOptions` says. */
export function startBacktestChild(memoryLimitMb: number | undefined, on: ChildListener): ChildProcess {
  const execArgv = [
    `--max-semi-space-size=${SEMI_SPACE_MB}`,
    ...(memoryLimitMb === undefined ? [] : [`--max-old-space-size=${memoryLimitMb}`]),
  ];
  const stdio = ["ignore", "ignore", "pipe", "ipc"] as const;
  const child = fork(MODULE, { execArgv, serialization: "advanced", stdio: [...stdio] });
  const kills = kernelMemoryKills() ?? Infinity;
  let said = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-LAST_WORDS);
  });
  child.on("message", on.onReply);
  child.on("error", (cause) =>
    on.onEnd(new UnavailableError("the backtest process could not be started", { cause })),
  );
  const watch = memoryLimitMb === undefined ? undefined : watchMemory(child, memoryLimitMb, on);
  child.on("close", (code, signal) => {
    clearInterval(watch);
    const byKernel = signal === "SIGKILL" && (kernelMemoryKills() ?? 0) > kills;
    if (byKernel || said.includes("JavaScript heap out of memory")) on.onEnd(outOfMemory(memoryLimitMb));
    else on.onEnd(ended(said, code, signal));
  });
  return child;
}

/** Whether the process that started it waits for a child's end. */
export function keepsAlive(child: ChildProcess, yes: boolean): void {
  const handles = [child, child.channel, child.stderr as Socket | null];
  for (const handle of handles) {
    if (yes) handle?.ref();
    else handle?.unref();
  }
}

/** Ends a process that takes more than it may: what lies outside V8's heap has no other limit. */
function watchMemory(child: ChildProcess, limitMb: number, on: ChildListener): NodeJS.Timeout {
  const look = () => {
    const taken = on.isBusy() && child.pid !== undefined ? residentMb(child.pid) : undefined;
    if (taken === undefined || taken <= limitMb + OWN_MEMORY_MB) return;
    on.onEnd(outOfMemory(limitMb));
    child.kill("SIGKILL");
  };
  return setInterval(look, LOOK_AT_MEMORY_EVERY_MS).unref();
}

function outOfMemory(limitMb: number | undefined): OutOfMemoryError {
  const detail = limitMb === undefined ? "" : ` of ${limitMb} MB`;
  return new OutOfMemoryError(`the backtest process ran out of its memory${detail}`);
}

function ended(said: string, code: number | null, signal: string | null): UnavailableError {
  const last = said.trim().split("\n").at(-1) ?? "";
  const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  return new UnavailableError(`the backtest process ${how}${last === "" ? "" : `: ${last}`}`);
}
