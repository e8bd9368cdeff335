import { randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** Files in `.git` that name the processes whose git commands run now: written before and removed after them. */
const MARK = /^retune-committing-.*\.json$/;
/** No commit takes so long. What is older was left behind, also by a machine that cannot be asked. */
const LONGEST_COMMIT_MS = 600_000;
const HELD_FOR_MS = 1_000;

/** @returns what removes the mark */
export function markCommitting(gitFolder: string): () => void {
  const path = join(gitFolder, `retune-committing-${randomUUID()}.json`);
  writeFileSync(path, JSON.stringify({ host: hostname(), pid: process.pid }));
  return () => rmSync(path, { force: true });
}

/**
 * Removes locks that a killed deployer's git left behind, and no others: a person's git may hold its lock for
 * as long as an editor is open. A lock is ours when the mark of a process that is gone was made before it.
 * Call it after having waited for the lock, and while no git command of this process runs.
 *
 * @returns the locks removed, relative to `gitFolder`
 */
export async function removeOwnStaleLocks(gitFolder: string): Promise<string[]> {
  const marks = (await readdir(gitFolder)).filter((name) => MARK.test(name));
  const abandoned = (await Promise.all(marks.map((name) => abandonedMark(join(gitFolder, name))))).filter(
    (mark) => mark !== undefined,
  );
  const removed: string[] = [];
  for (const name of await findLocks(gitFolder)) {
    const madeMs = await modifiedMs(join(gitFolder, name));
    const left = madeMs !== undefined && Date.now() - madeMs > HELD_FOR_MS;
    if (!left || !abandoned.some(({ markedMs }) => markedMs <= madeMs)) continue;
    await rm(join(gitFolder, name), { force: true });
    removed.push(name);
  }
  for (const { path } of abandoned) await rm(path, { force: true });
  return removed;
}

/** Lock files that stop a commit: of the index, of HEAD, of a branch. */
async function findLocks(gitFolder: string): Promise<string[]> {
  const heads = join("refs", "heads");
  const branches = await readdir(join(gitFolder, heads)).catch(() => []);
  const names = ["index.lock", "HEAD.lock", ...branches.map((name) => join(heads, name))];
  return names.filter((name) => name.endsWith(".lock"));
}

async function abandonedMark(path: string): Promise<{ path: string; markedMs: number } | undefined> {
  const markedMs = await modifiedMs(path); // the file system's clock, as for the locks
  const mark = parseMark(await readFile(path, "utf8").catch(() => ""));
  if (markedMs === undefined) return undefined;
  const running =
    mark?.host === hostname() ? isAnotherAlive(mark.pid) : Date.now() - markedMs < LONGEST_COMMIT_MS;
  return running ? undefined : { path, markedMs };
}

/** A mark with this process's own id is one of an earlier life: in a container ids come again. */
function isAnotherAlive(pid: number): boolean {
  return pid !== process.pid && isAlive(pid);
}

/** Whether this machine has a process of that id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function modifiedMs(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

function parseMark(text: string): { host: string; pid: number } | undefined {
  try {
    const { host, pid } = JSON.parse(text) as Record<string, unknown>;
    return typeof host === "string" && typeof pid === "number" ? { host, pid } : undefined;
  } catch {
    return undefined;
  }
}
