import { randomUUID } from "node:crypto";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "./stale-locks.ts";
import { textOf } from "./text-of.ts";

const LOCK = "retune-commit.lock";
/** In a container process ids come again; this tells the lives of one id apart. */
const LIFE = randomUUID();
const PAUSE_MS = 25;
/** No commit takes so long: git that is silent for 20 s is ended. */
const ABANDONED_AFTER_MS = 60_000;
const LONGEST_WAIT_MS = 90_000;

/**
 * One deployer at a time: looking whether a run has its commit and making it must not be parted. Git's own locks
 * cover the commit alone. The lock of a process that is gone is removed. Whoever has waited 90 s waits no longer:
 * the worst that follows is a second, equal commit.
 *
 * Whoever commits does nothing else meanwhile, and a file call that is awaited takes ten times as long as one that is not.
 *
 * @returns what gives the lock back
 */
export async function lockCommits(gitFolder: string): Promise<() => void> {
  const path = join(gitFolder, LOCK);
  const mine = JSON.stringify({ host: hostname(), pid: process.pid, life: LIFE, lock: randomUUID() });
  const release = () => {
    if (textOf(path) === mine) rmSync(path, { force: true });
  };
  for (const since = Date.now(); Date.now() - since < LONGEST_WAIT_MS; ) {
    if (create(path, mine)) return release;
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (isAbandoned(textOf(path) ?? "", found.mtimeMs)) {
      // Another one may have put its own in place of the abandoned one meanwhile.
      if (statSync(path, { throwIfNoEntry: false })?.ino === found.ino) rmSync(path, { force: true });
    } else await sleep(PAUSE_MS);
  }
  return () => {};
}

function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isAbandoned(text: string, modifiedMs: number): boolean {
  if (Date.now() - modifiedMs > ABANDONED_AFTER_MS) return true;
  try {
    const { host, pid, life } = JSON.parse(text) as { host: string; pid: number; life: string };
    return host === hostname() && (pid === process.pid ? life !== LIFE : !isAlive(pid));
  } catch {
    return false; // it is being written
  }
}
