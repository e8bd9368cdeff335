import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { explain } from "../../errors.ts";
import type { Bundle, BundleInfo } from "../bundle/bundle.ts";
import { trainedOn } from "../bundle/trained-on.ts";
import type { TrainingRequest } from "../family.ts";
import { ModelMismatchError } from "../manifest.ts";
import { Mapping, TrainedManifest, TrainedMetadata, Vocabulary } from "./contract.ts";
import { TrainerFailedError } from "./errors.ts";
import { openCommandModel } from "./model.ts";
import type { Trainer } from "./trainers.ts";

const REQUIRED = ["model.onnx", "manifest.json", "metadata.json"] as const;
const OPTIONAL = ["vocabulary.json", "mapping.json"] as const;

/**
 * Reads what a trainer has written and makes a bundle of it, once the model has answered as its manifest promises.
 *
 * Only plain files of the contract's names are taken: a link would let a trainer put any file of this machine into an
 * artifact that everybody can read.
 *
 * @throws {TrainerFailedError} naming the file, and the field or what the model does wrong
 */
export async function readArtifact(
  folder: string,
  trainer: Trainer,
  training: TrainingRequest,
): Promise<Bundle> {
  const wrong = (name: string, why: string, cause?: unknown) =>
    new TrainerFailedError(`trainer '${trainer.name}' wrote no usable model: ${name} ${why}`, { cause });
  const files = new Map<string, Uint8Array>();
  let left = trainer.output_mb * 1024 * 1024;
  for (const name of [...REQUIRED, ...OPTIONAL]) {
    const bytes = await readPlainFile(join(folder, name), left).catch((cause: unknown) => {
      throw wrong(name, explain(cause), cause);
    });
    if (bytes === undefined && REQUIRED.includes(name as (typeof REQUIRED)[number]))
      throw wrong(name, `is missing, expected ${REQUIRED.join(", ")}`);
    if (bytes === undefined) continue;
    files.set(name, bytes);
    left -= bytes.length;
  }
  const json = <T>(name: string, schema: z.ZodType<T>): T | undefined => {
    const bytes = files.get(name);
    if (bytes === undefined) return undefined;
    try {
      return schema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
    } catch (cause) {
      throw wrong(name, cause instanceof z.ZodError ? z.prettifyError(cause) : explain(cause), cause);
    }
  };
  const manifest = json("manifest.json", TrainedManifest)!;
  const metadata = json("metadata.json", TrainedMetadata)!;
  const vocabulary = json("vocabulary.json", Vocabulary);
  json("mapping.json", Mapping);
  if (manifest.horizon < training.horizon)
    throw wrong("manifest.json", `has horizon ${manifest.horizon}, expected at least ${training.horizon}`);
  if (manifest.entity_input !== undefined && vocabulary === undefined)
    throw wrong("vocabulary.json", "is missing, as manifest.json has an entity_input");

  const bundle = { info: infoOf(training, metadata, vocabulary), files };
  const model = await openCommandModel(bundle, trainer.name).catch((cause: unknown) => {
    if (!(cause instanceof ModelMismatchError)) throw cause;
    throw wrong("model.onnx", `cannot be used: ${explain(cause)}`, cause);
  });
  await model.release();
  return bundle;
}

function infoOf(
  { series, grid, params, seed }: TrainingRequest,
  metadata: z.infer<typeof TrainedMetadata>,
  vocabulary: string[] | undefined,
): BundleInfo {
  const { rows, ...told } = metadata;
  return {
    ...{ format: 1, family: "command", params, seed },
    trained_on: trainedOn(series, grid, rows),
    ...told,
    ...(vocabulary === undefined ? {} : { vocabulary }),
    ...{ parent: null, code_version: "" },
  };
}

/** @returns undefined where there is nothing of that name @throws {Error} saying what else there is */
async function readPlainFile(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new Error("is no plain file");
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const { size } = await file.stat();
  if (size > maxBytes) throw new Error(`has ${size} bytes, at most ${maxBytes} are taken`);
  return new Uint8Array(await file.readFile());
}
