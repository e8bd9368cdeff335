import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { explain, InvalidInputError } from "../../shared/errors.ts";
import type { ServiceContext } from "../../shared/service.ts";

/**
 * Stores the model file that a spec names and returns its digest; null for families without a file.
 *
 * @throws {InvalidInputError} when a family that needs a file names none, or one that cannot be read
 */
export async function storeModel(
  { bus, dirs }: Pick<ServiceContext, "bus" | "dirs">,
  { forecaster, model }: ForecasterSpec,
): Promise<string | null> {
  if (model.family !== "chronos-bolt") return null;
  if (model.path === undefined) {
    throw new InvalidInputError(
      `spec '${forecaster}': model.path is missing, family '${model.family}' needs a model file`,
    );
  }
  const bytes = await readFile(resolve(dirs.root, model.path)).catch((cause: unknown) => {
    throw new InvalidInputError(
      `spec '${forecaster}': model.path '${model.path}' cannot be read: ${explain(cause)}`,
    );
  });
  return bus.artifacts.put(bytes);
}
