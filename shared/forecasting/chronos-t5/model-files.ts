import { readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { strFromU8 } from "fflate";
import { explain } from "../../errors.ts";
import { packFiles, unpackFiles } from "../bundle/archive.ts";
import { ModelMismatchError } from "../manifest.ts";
import { type ChronosT5Config, readConfig } from "./config.ts";

const CONFIG = "config.json";
const ENCODER = "encoder_model.onnx";
const DECODER = "decoder_model_merged.onnx";

export interface T5Files {
  readonly config: ChronosT5Config;
  readonly encoder: Uint8Array;
  readonly decoder: Uint8Array;
}

/**
 * Packs the three files of a Hugging Face export folder into one, which can be stored and named by its content: a ZIP
 * with `config.json`, `encoder_model.onnx` and `decoder_model_merged.onnx`. The graphs may lie in a subfolder `onnx`,
 * as they do on the Hub; other files are left out. Equal folders give equal bytes.
 *
 * @param maxBytes largest sum of the sizes
 * @throws {ModelMismatchError} when a file is missing, is a link that leads out of the folder, or the sum is above
 *   `maxBytes`
 */
export async function packModelFolder(folder: string, maxBytes = 2 ** 30): Promise<Uint8Array> {
  return packFiles(await readFolder(folder, maxBytes));
}

/**
 * @param source a packed model, its path, or the path of an export folder
 * @throws {ModelMismatchError} when a file is missing or damaged, or the config has a wrong field
 */
export async function readModelFiles(source: string | Uint8Array, what: string): Promise<T5Files> {
  const files = await filesOf(source, what);
  const take = (name: string) => {
    const bytes = files.get(name);
    if (bytes !== undefined) return bytes;
    const has = [...files.keys()].join(", ") || "nothing";
    throw new ModelMismatchError(`model '${what}' has no ${name} but ${has}`);
  };
  return {
    config: readConfig(strFromU8(take(CONFIG)), what),
    encoder: take(ENCODER),
    decoder: take(DECODER),
  };
}

async function filesOf(source: string | Uint8Array, what: string): Promise<Map<string, Uint8Array>> {
  if (typeof source !== "string") return unpackFiles(source, what);
  try {
    if ((await stat(source)).isDirectory()) return await readFolder(source);
    return unpackFiles(await readFile(source), what);
  } catch (error) {
    if (error instanceof ModelMismatchError) throw error;
    throw new ModelMismatchError(`model '${what}' cannot be read: ${explain(error)}`, { cause: error });
  }
}

async function readFolder(folder: string, maxBytes = Infinity): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, string>();
  let bytes = 0;
  for (const name of [CONFIG, ENCODER, DECODER]) {
    const path = (await inside(folder, name)) ?? (await inside(folder, join("onnx", name)));
    if (path === undefined) {
      throw new ModelMismatchError(
        `folder '${folder}' has no ${name}, expected the files of \`optimum-cli export onnx --task text2text-generation-with-past\``,
      );
    }
    const file = await stat(path);
    if (!file.isFile()) throw new ModelMismatchError(`'${name}' in folder '${folder}' is no plain file`);
    found.set(name, path);
    bytes += file.size;
  }
  if (bytes > maxBytes)
    throw new ModelMismatchError(
      `folder '${folder}' has ${bytes} bytes of model, at most ${maxBytes} are taken`,
    );
  return new Map(
    await Promise.all([...found].map(async ([name, path]) => [name, await readFile(path)] as const)),
  );
}

/** The real path of a file; undefined where there is none. */
async function inside(folder: string, name: string): Promise<string | undefined> {
  const home = await realpath(folder).catch((cause: unknown) => {
    throw new ModelMismatchError(`folder '${folder}' cannot be read: ${explain(cause)}`, { cause });
  });
  const path = await realpath(join(home, name)).catch(() => undefined);
  if (path === undefined || path.startsWith(home + sep)) return path;
  throw new ModelMismatchError(`'${name}' in folder '${folder}' is a link that leads out of it`);
}
