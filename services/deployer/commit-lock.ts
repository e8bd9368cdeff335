import { randomUUID } from "node:crypto";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "./stale-locks.ts";

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
 * @returns what gives the lock back
 */
export async function lockCommits(gitFolder: string): Promise<() => Promise<void>> {
  const path = join(gitFolder, LOCK);
  const mine = JSON.stringify({ host: hostname(), pid: process.pid, life: LIFE, lock: randomUUID() });
  const release = async () => {
    if ((await readFile(path, "utf8").catch(() => "")) === mine) await rm(path, { force: true });
  };
  for (const since = Date.now(); Date.now() - since < LONGEST_WAIT_MS; ) {
    if (await create(path, mine)) return release;
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (isAbandoned(await readFile(path, "utf8").catch(() => ""), found.mtimeMs)) {
      // Another one may have put its own in place of the abandoned one meanwhile.
      if ((await stat(path).catch(() => undefined))?.ino === found.ino) await rm(path, { force: true });
    } else await sleep(PAUSE_MS);
  }
  return async () => {};
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
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
