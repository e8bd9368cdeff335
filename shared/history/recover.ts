import { readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { explain } from "../errors.ts";
import { moveDurably, removeAll, sha256Of, syncFolder } from "./files.ts";
import type { FileEntry, Manifest, ManifestState } from "./manifest.ts";

/** Folder of what was set aside: damaged files and files of others. Nothing in it is ever deleted. */
export const CORRUPT = "corrupt";

/** Name under which the next part is written. */
export const NEXT_PART = "metrics_next.tmp";

/**
 * Makes the folder what the manifest says it is: finishes merges, sets damaged and foreign files aside, removes
 * what a crash left over.
 *
 * @returns what was wrong, one text a file
 */
export async function recover(folder: string, manifest: Manifest): Promise<string[]> {
  for (const [temporary, file] of manifest.state.renames) {
    const merged = manifest.state.files.get(file);
    // Its rename may have happened; then this can be the beginning of a later merge, which nothing names yet.
    if (merged === undefined || (await damageOf(join(folder, temporary), merged)) !== undefined) continue;
    await moveDurably(join(folder, temporary), join(folder, file));
  }
  const damaged = await setDamagedAside(folder, manifest, [...manifest.state.files.values()]);
  const foreign = await setForeignAside(folder, manifest.state);
  const leftovers = (await readdir(folder)).filter((name) => isLeftover(name, manifest.state));
  await removeAll(leftovers.map((name) => join(folder, name)));
  await manifest.rewrite();
  return [...damaged, ...foreign];
}

/** Checks files against size and digest of when they were written; what differs is set aside and named. */
export async function setDamagedAside(
  folder: string,
  manifest: Manifest,
  entries: readonly FileEntry[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const entry of entries) {
    const damage = await damageOf(join(folder, entry.file), entry);
    if (damage === undefined) continue;
    problems.push(`${entry.file} ${damage}: ${entry.rows} rows set aside in ${CORRUPT}/`);
    await setAside(folder, entry.file).catch(() => {}); // it may be gone altogether
    await manifest.append({ drop: { files: [entry.file], why: damage } });
  }
  return problems;
}

/**
 * Sets Parquet files aside that bear the history's names and are none of its own, so that nobody reads them with
 * it and no day's file overwrites them. Others' files of other names stay where they are, and are named, too.
 */
export async function setForeignAside(folder: string, state: ManifestState): Promise<string[]> {
  const problems: string[] = [];
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".parquet") || state.files.has(name) || isLeftover(name, state)) continue;
    const isOursByName = name.startsWith("metrics_");
    if (isOursByName) await setAside(folder, name);
    problems.push(`${name} is not of this history: ${isOursByName ? `set aside in ${CORRUPT}/` : "ignored"}`);
  }
  return problems;
}

/**
 * Whether a file is what a crash of ours left: written under a temporary name, merged or expired and not yet
 * removed, or a part that has its name but not yet its line, whose messages come again.
 */
function isLeftover(name: string, { files, gone, last }: ManifestState): boolean {
  if (files.has(name)) return false;
  if (name === NEXT_PART || /^metrics_.*\.(?:merged|tmp)$/.test(name) || gone.has(name)) return true;
  const part = /^metrics_\d{4}-\d\d-\d\d\.part-(\d+)-\d+(?:\.\d+)?\.parquet$/.exec(name);
  const newest = [...last.values()].at(-1) ?? 0;
  return part !== null && Number(part[1]) > newest;
}

async function setAside(folder: string, name: string): Promise<void> {
  const taken = new Set(await readdir(join(folder, CORRUPT)));
  let to = name;
  for (let n = 1; taken.has(to); n++) to = `${name}.${n}`;
  await rename(join(folder, name), join(folder, CORRUPT, to));
  await syncFolder(join(folder, CORRUPT));
}

async function damageOf(path: string, entry: FileEntry): Promise<string | undefined> {
  try {
    if ((await stat(path)).size !== entry.bytes) return "has another size than when it was written";
    return (await sha256Of(path)).sha256 === entry.sha256 ? undefined : "has other bytes than were written";
  } catch (error) {
    return `cannot be read (${explain(error)})`;
  }
}
