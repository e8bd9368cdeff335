import { readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { explain } from "../errors.ts";
import { moveDurably, removeAll, sha256Of } from "./files.ts";
import type { FileEntry, Manifest } from "./manifest.ts";

export const CORRUPT = "corrupt";

/**
 * Makes the folder what the manifest says it is: finishes merges, sets damaged files aside, removes
 * leftovers.
 *
 * @returns what was wrong, one text a damaged file
 */
export async function recover(folder: string, manifest: Manifest): Promise<string[]> {
  const problems: string[] = [];
  for (const [temporary, file] of manifest.state.renames) {
    const merged = manifest.state.files.get(file);
    // Its rename may have happened; then this can be the beginning of a later merge, which nothing names yet.
    if (merged === undefined || (await damageOf(join(folder, temporary), merged)) !== undefined) continue;
    await moveDurably(join(folder, temporary), join(folder, file));
  }
  for (const entry of manifest.state.files.values()) {
    const damage = await damageOf(join(folder, entry.file), entry);
    if (damage === undefined) continue;
    problems.push(`${entry.file} ${damage}: ${entry.rows} rows set aside in ${CORRUPT}/`);
    await rename(join(folder, entry.file), join(folder, CORRUPT, entry.file)).catch(() => {});
    await manifest.append({ drop: { files: [entry.file], why: damage } });
  }
  await manifest.rewrite();
  const leftovers = (await readdir(folder)).filter(
    (name) => name.startsWith("metrics_") && !manifest.state.files.has(name),
  );
  await removeAll(leftovers.map((name) => join(folder, name)));
  return problems;
}

async function damageOf(path: string, entry: FileEntry): Promise<string | undefined> {
  try {
    if ((await stat(path)).size !== entry.bytes) return "has another size than when it was written";
    return (await sha256Of(path)).sha256 === entry.sha256 ? undefined : "has other bytes than were written";
  } catch (error) {
    return `cannot be read (${explain(error)})`;
  }
}
