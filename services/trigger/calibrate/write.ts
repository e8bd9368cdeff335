import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Bus } from "../../../shared/bus/bus.ts";
import type { Written } from "../../../shared/contracts/calibration.ts";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { explain, InvalidInputError, StaleStateError, UnavailableError } from "../../../shared/errors.ts";
import { replaceDurably } from "../../../shared/history/files.ts";
import { editYaml, readYaml } from "../../../shared/yaml.ts";
import { type Setting, withSettings } from "../simulate/settings.ts";

/** What to change in a spec, given the spec as it is. */
export type Change = (spec: ForecasterSpec) => readonly Setting[];

/**
 * Changes a forecaster's spec where it is in force and where it is written down: in the bucket `specs` by
 * compare-and-set, and in `<folder>/<forecaster>.yaml` where that exists, whose comments stay; otherwise the file
 * would undo the change at the next start. The file is replaced at once, after the bucket has taken the change.
 *
 * @param revision of the spec in the bucket that the change was made for; null: the file alone is written
 * @throws {UnavailableError} when the bucket's spec was written since that revision: nothing was changed
 * @throws {InvalidInputError} when the file is not readable as a spec, before or after the change: nothing was changed
 */
export async function changeSpec(
  forecaster: string,
  change: Change,
  place: { readonly bus: Bus; readonly folder: string; readonly revision: number | null },
): Promise<Written> {
  const path = join(place.folder, `${forecaster}.yaml`);
  const file = await changedFile(path, change);
  const bucket = place.bus.kv("specs", ForecasterSpec);
  let revision: number | null = null;
  let before: ForecasterSpec | undefined;
  if (place.revision !== null) {
    const current = await bucket.get(forecaster);
    before = current?.value;
    if (current === undefined || current.revision !== place.revision) throw stale(forecaster);
    const next = withSettings(current.value, change(current.value));
    if (!isDeepStrictEqual(next, current.value))
      revision = await bucket.update(forecaster, next, current.revision).catch((error: unknown) => {
        throw error instanceof StaleStateError ? stale(forecaster, error) : error;
      });
  }
  if (file !== undefined && file.after !== file.before) {
    await replaceDurably(path, file.after).catch((cause: unknown) => {
      throw new UnavailableError(
        `${path} could not be written, and ${revision === null ? "nothing was changed" : "the bucket 'specs' has the thresholds until the next start"}`,
        { cause },
      );
    });
  }
  const differs = file !== undefined && before !== undefined && !isDeepStrictEqual(file.spec, before);
  return {
    revision,
    file: file === undefined || file.after === file.before ? null : path,
    ...(differs ? { note: `${path} differed from the spec in force, and is applied at the next start` } : {}),
  };
}

async function changedFile(
  path: string,
  change: Change,
): Promise<{ before: string; after: string; spec: ForecasterSpec } | undefined> {
  const before = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new InvalidInputError(`'${path}' cannot be read: ${explain(error)}`, { cause: error });
  });
  if (before === undefined) return undefined;
  const spec = readYaml(path, before, ForecasterSpec);
  const settings = change(spec);
  if (isDeepStrictEqual(withSettings(spec, settings), spec)) return { before, after: before, spec };
  const after = editYaml(path, before, settings);
  readYaml(path, after, ForecasterSpec);
  return { before, after, spec };
}

function stale(forecaster: string, cause?: unknown): UnavailableError {
  return new UnavailableError(
    `the spec of '${forecaster}' was changed while it was calibrated: nothing was written, calibrate it again`,
    { cause },
  );
}
