import { isDeepStrictEqual } from "node:util";
import type { Bus } from "./bus/bus.ts";
import { ForecasterSpec } from "./contracts/spec.ts";
import { StaleStateError } from "./errors.ts";
import { readNamed, yamlFiles } from "./named-files.ts";

/**
 * The specs in a folder, one forecaster a file named after it.
 *
 * @throws {InvalidInputError} naming file, line, field and what was expected
 */
export async function readSpecFiles(folder: string): Promise<ForecasterSpec[]> {
  const paths = await yamlFiles(folder);
  return Promise.all(paths.map((path) => readNamed(path, ForecasterSpec, "forecaster")));
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
