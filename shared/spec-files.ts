import { isDeepStrictEqual } from "node:util";
import type { Bus } from "./bus/bus.ts";
import { ForecasterSpec } from "./contracts/spec.ts";
import { InvalidInputError, StaleStateError } from "./errors.ts";
import { checkSearch } from "./forecasting/check-search.ts";
import { readNamed, yamlFiles } from "./named-files.ts";

/**
 * The specs in a folder, one forecaster a file named after it.
 *
 * @throws {InvalidInputError} naming file, line, field and what was expected
 */
export async function readSpecFiles(folder: string): Promise<ForecasterSpec[]> {
  const paths = await yamlFiles(folder);
  return Promise.all(paths.map(readSpecFile));
}

async function readSpecFile(path: string): Promise<ForecasterSpec> {
  const spec = await readNamed(path, ForecasterSpec, "forecaster");
  await checkSearch(spec).catch((cause: unknown) => {
    throw new InvalidInputError(`${path}: the search makes no sense`, { cause });
  });
  return spec;
}

/** Writes what changed into the bucket `specs`; says which forecasters it wrote. Specs without a file stay. */
export async function applySpecs(bus: Bus, specs: readonly ForecasterSpec[]): Promise<string[]> {
  const bucket = bus.kv("specs", ForecasterSpec);
  const written: string[] = [];
  for (const spec of specs) {
    const current = await bucket.get(spec.forecaster);
    if (current !== undefined && isDeepStrictEqual(current.value, spec)) continue;
    try {
      await bucket.update(spec.forecaster, spec, current?.revision ?? 0);
      written.push(spec.forecaster);
    } catch (error) {
      // Another process applies the same files at the same moment.
      if (!(error instanceof StaleStateError)) throw error;
    }
  }
  return written;
}
