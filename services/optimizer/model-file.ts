import { readFile, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { explain, InvalidInputError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";

const MAX_BYTES = 2 ** 30;

/** Resolves when the file is a model that the spec's family can forecast with. */
export type CheckModel = (path: string, spec: ForecasterSpec) => Promise<void>;

/**
 * Stores the model file that a spec names and returns its digest; null for families without a file. Everybody can
 * read what is stored, so nothing is stored that is no model.
 *
 * @throws {InvalidInputError} as `modelFile`, or what `check` throws
 */
export async function storeModel(
  { bus, dirs }: Pick<ServiceContext, "bus" | "dirs">,
  spec: ForecasterSpec,
  check: CheckModel,
): Promise<string | null> {
  if (spec.model.family !== "chronos-bolt") return null;
  const path = await modelFile(dirs, spec);
  await check(path, spec);
  return bus.artifacts.put(await readFile(path));
}

/**
 * The real path of the model file that a spec names. Whoever may write specs must not read other files through it, so
 * only what really lies in the project's folder, the data folder or the configs is taken.
 *
 * @throws {InvalidInputError} when the spec names no file, or one that cannot be read, lies elsewhere, is no plain
 *   file or is larger than 1 GiB
 */
export async function modelFile(
  dirs: ServiceContext["dirs"],
  { forecaster, model }: Pick<ForecasterSpec, "forecaster" | "model">,
): Promise<string> {
  const refuse = (why: string) => new InvalidInputError(`spec '${forecaster}': model.path ${why}`);
  if (model.path === undefined) throw refuse(`is missing, family '${model.family}' needs a model file`);
  const unreadable = (cause: unknown) => {
    throw refuse(`'${model.path}' cannot be read: ${explain(cause)}`);
  };
  const path = await realpath(resolve(dirs.root, model.path)).catch(unreadable);
  const homes = await Promise.all(
    [dirs.root, dirs.data, dirs.configs].map((home) => realpath(home).catch(() => resolve(home))),
  );
  if (!homes.some((home) => path.startsWith(home + sep)))
    throw refuse(`'${model.path}' lies outside the project, the data folder and the configs`);
  const { size, isPlain } = await stat(path).then(
    (found) => ({ size: found.size, isPlain: found.isFile() }),
    unreadable,
  );
  if (!isPlain) throw refuse(`'${model.path}' is no plain file`);
  if (size > MAX_BYTES) throw refuse(`'${model.path}' has ${size} bytes, at most ${MAX_BYTES} are taken`);
  return path;
}
