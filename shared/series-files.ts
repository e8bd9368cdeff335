import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { SeriesContract } from "./contracts/series.ts";
import { InvalidInputError } from "./errors.ts";
import { readYaml } from "./yaml.ts";

/** Paths of the contracts in a folder, one series a file named after it; none where there is no such folder. */
export async function seriesFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => join(folder, name));
}

/** The series that a file is named after. */
export const seriesOf = (path: string) => basename(path, ".yaml");

/** @throws {InvalidInputError} naming file, line, field and what was expected */
export async function readSeriesFile(path: string): Promise<SeriesContract> {
  const contract = readYaml(path, await readFile(path, "utf8"), SeriesContract);
  if (contract.series === seriesOf(path)) return contract;
  throw new InvalidInputError(
    `${path}: field 'series' is '${contract.series}', expected '${seriesOf(path)}' as the file is named`,
  );
}
