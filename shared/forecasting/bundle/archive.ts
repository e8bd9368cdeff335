import { unzipSync, zipSync } from "fflate";
import { explain } from "../../errors.ts";
import { ModelMismatchError } from "../manifest.ts";

/** ZIP has no time before this; a fixed one makes equal files equal bytes. */
const MTIME = "1980-01-01T00:00:00";

/** Several files as one, in the order of their names: a ZIP without compression, which every language reads. */
export function packFiles(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const names = [...files.keys()].sort();
  return zipSync(Object.fromEntries(names.map((name) => [name, files.get(name)!])), {
    level: 0,
    mtime: MTIME,
  });
}

/**
 * @param what what to call it in errors: a path or a digest
 * @param only the one file that is wanted; all of them unless told
 * @throws {ModelMismatchError} when it is no ZIP
 */
export function unpackFiles(bytes: Uint8Array, what: string, only?: string): Map<string, Uint8Array> {
  const filter = ({ name }: { name: string }) => only === undefined || name === only;
  try {
    return new Map(Object.entries(unzipSync(bytes, { filter })));
  } catch (cause) {
    throw new ModelMismatchError(`'${what}' is no bundle: ${explain(cause)}`, { cause });
  }
}
