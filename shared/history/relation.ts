import { join } from "node:path";
import type { FileEntry } from "./manifest.ts";
import { relationOf } from "./parquet.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** Files of the history in a folder as SQL to select from, in the order given, with the columns of `HISTORY_COLUMNS`. */
export function relationIn(folder: string, files: readonly FileEntry[]): string {
  const paths = files.map(({ file }) => join(folder, file));
  const isMixed = files.some(({ schema }) => schema !== SCHEMA_VERSION);
  return relationOf(paths, isMixed);
}
