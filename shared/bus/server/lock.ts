import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "../../errors.ts";
import { isAlive } from "./process-info.ts";

const POLL_MS = 100;

/**
 * Runs `work` while holding a lock that processes of one machine share: the file at `path`, holding
 * the owner's process id. Waits while a live process holds it; takes it over from a dead one.
 *
 * @throws {UnavailableError} the lock is not free after `timeoutMs`
 */
export async function withFileLock<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const deadline = Date.now() + timeoutMs;
  while (!(await take(path))) {
    const owner = await readFile(path, "utf8").catch(() => "");
    // An empty file is a lock between creation and its first byte, so it gets a moment.
    if (owner !== "" && !isAlive(Number(owner))) await rm(path, { force: true });
    else if (Date.now() > deadline) {
      throw new UnavailableError(`lock '${path}' is still held by process ${owner || "?"}`);
    } else await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
