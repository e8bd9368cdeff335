import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Bus } from "./bus/bus.ts";
import { ForecasterSpec } from "./contracts/spec.ts";
import { InvalidInputError, StaleStateError } from "./errors.ts";
import { readYaml } from "./yaml.ts";

/**
 * The specs in a folder, one forecaster a file named after it.
 *
 * @throws {InvalidInputError} naming file, line, field and what was expected
 */
export async function readSpecFiles(folder: string): Promise<ForecasterSpec[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".yaml")).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const spec = readYaml(path, await readFile(path, "utf8"), ForecasterSpec);
      if (`${spec.forecaster}.yaml` === name) return spec;
      throw new InvalidInputError(
        `${path}: field 'forecaster' is '${spec.forecaster}', expected '${name.slice(0, -5)}' as the file is named`,
      );
    }),
  );
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
