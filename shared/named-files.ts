import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ZodType } from "zod";
import { InvalidInputError } from "./errors.ts";
import { readYaml } from "./yaml.ts";

/** Paths of the YAML files in a folder, ascending; none where there is no such folder. */
export async function yamlFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => join(folder, name));
}

/** What a YAML file is named after. */
export const nameOf = (path: string) => basename(path, ".yaml");

/**
 * Reads a file that is named after what it describes.
 *
 * @param field of the description that has the name
 * @throws {InvalidInputError} naming file, line, field and what was expected
 */
export async function readNamed<T, K extends keyof T & string>(
  path: string,
  schema: ZodType<T>,
  field: K,
): Promise<T> {
  const described = readYaml(path, await readFile(path, "utf8"), schema);
  if (described[field] === nameOf(path)) return described;
  throw new InvalidInputError(
    `${path}: field '${field}' is '${described[field]}', expected '${nameOf(path)}' as the file is named`,
  );
}
