import { readFile, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { explain, InvalidInputError } from "../../shared/errors.ts";
import { packModelFolder } from "../../shared/forecasting/chronos-t5/model-files.ts";
import { type FamilyName, familyOf } from "../../shared/forecasting/families.ts";
import type { ServiceContext } from "../../shared/service.ts";

const MAX_BYTES = 2 ** 30;
/** Families whose model may be a folder of files, which has its own check of what is read from it. */
const FOLDER_FAMILIES: ReadonlySet<string> = new Set(["chronos-t5"]);

/** Resolves when the file is a model that a family can forecast with. */
export type CheckModel = (path: string, spec: ForecasterSpec, family: FamilyName) => Promise<void>;

/** A model file among the artifacts. */
export interface StoredModel {
  readonly family: FamilyName;
  /** digest */
  readonly artifact: string;
}

/**
 * Stores the model file that a spec names and returns its digest with the family that it is of; null where no family of
 * the search has one. A folder, as chronos-t5 may come in, is stored as one file. Everybody can read what is stored, so
 * nothing is stored that is no model.
 *
 * @param foundation family of the file where no family of the search has one, but one of them builds on it
 * @throws {InvalidInputError} as `modelFile`, for a search over two families with a file each, or what `check` throws
 */
export async function storeModel(
  { bus, dirs }: Pick<ServiceContext, "bus" | "dirs">,
  spec: ForecasterSpec,
  check: CheckModel,
  foundation?: FamilyName,
): Promise<StoredModel | null> {
  const family = (await fileFamily(spec)) ?? foundation;
  if (family === undefined) return null;
  const path = await modelFile(dirs, spec, family);
  await check(path, spec, family);
  const isFolder = (await stat(path)).isDirectory();
  const bytes = isFolder ? await packModelFolder(path, MAX_BYTES) : await readFile(path);
  return { family, artifact: await bus.artifacts.put(bytes) };
}

/** The family of a spec's search that `model.path` is of. @throws {InvalidInputError} where there are two */
async function fileFamily({ forecaster, model, search }: ForecasterSpec): Promise<FamilyName | undefined> {
  const names = new Set(search.space.model ?? [model.family]);
  const families = await Promise.all([...names].map((name) => familyOf(name)));
  const withFile = families
    .filter(({ artifact }) => artifact === "file")
    .map(({ name }) => name as FamilyName);
  if (withFile.length < 2) return withFile[0];
  throw new InvalidInputError(
    `spec '${forecaster}': search.space.model has ${withFile.join(" and ")}, but model.path can name the file of one`,
  );
}

/**
 * The real path of the model file that a spec names. Whoever may write specs must not read other files through it, so
 * only what really lies in the project's folder, the data folder or the configs is taken.
 *
 * @throws {InvalidInputError} when the spec names no file, or one that cannot be read, lies elsewhere, is no plain
 *   file, nor a folder where the family takes one, or is larger than 1 GiB
 */
export async function modelFile(
  dirs: ServiceContext["dirs"],
  { forecaster, model }: Pick<ForecasterSpec, "forecaster" | "model">,
  family: FamilyName,
): Promise<string> {
  const refuse = (why: string) => new InvalidInputError(`spec '${forecaster}': model.path ${why}`);
  if (model.path === undefined) throw refuse(`is missing, family '${family}' needs a model file`);
  const unreadable = (cause: unknown) => {
    throw refuse(`'${model.path}' cannot be read: ${explain(cause)}`);
  };
  const path = await realpath(resolve(dirs.root, model.path)).catch(unreadable);
  const homes = await Promise.all(
    [dirs.root, dirs.data, dirs.configs].map((home) => realpath(home).catch(() => resolve(home))),
  );
  if (!homes.some((home) => path.startsWith(home + sep)))
    throw refuse(`'${model.path}' lies outside the project, the data folder and the configs`);
  const found = await stat(path).catch(unreadable);
  if (FOLDER_FAMILIES.has(family) && found.isDirectory()) return path;
  if (!found.isFile()) throw refuse(`'${model.path}' is no plain file`);
  const { size } = found;
  if (size > MAX_BYTES) throw refuse(`'${model.path}' has ${size} bytes, at most ${MAX_BYTES} are taken`);
  return path;
}
