import { readFile } from "node:fs/promises";
import { explain, InvalidInputError } from "../../errors.ts";
import { ModelMismatchError } from "../manifest.ts";
import { type Bundle, readBundle } from "./bundle.ts";

/**
 * Reads the bundle of a trained family from its path or bytes.
 *
 * @throws {InvalidInputError} without an artifact
 * @throws {ModelMismatchError} when it cannot be read, is no bundle, or is another family's
 */
export async function openBundle(artifact: string | Uint8Array | undefined, family: string): Promise<Bundle> {
  if (artifact === undefined)
    throw new InvalidInputError(
      `model family '${family}' needs the bundle of a trained model, none was given`,
    );
  const what = typeof artifact === "string" ? artifact : `${family} model`;
  const bundle = readBundle(typeof artifact === "string" ? await read(artifact) : artifact, what);
  if (bundle.info.family !== family) {
    throw new ModelMismatchError(
      `bundle '${what}' is of family '${bundle.info.family}', expected '${family}'`,
    );
  }
  return bundle;
}

async function read(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new ModelMismatchError(`bundle '${path}' cannot be read: ${explain(cause)}`, { cause });
  });
}
