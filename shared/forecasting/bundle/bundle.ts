import { strFromU8, strToU8 } from "fflate";
import { z } from "zod";
import { ArtifactDigest } from "../../contracts/subjects.ts";
import { Timestamp } from "../../contracts/telemetry.ts";
import { ModelMismatchError, parseModelJson } from "../manifest.ts";
import { packFiles, unpackFiles } from "./archive.ts";

/** What a trained model is and where it comes from: `bundle.json` within the bundle. (C-TRN-1) */
export const BundleInfo = z.looseObject({
  format: z.literal(1),
  family: z.string().min(1),
  params: z.record(z.string(), z.unknown()).describe("hyper-parameters it was trained with"),
  seed: z.int(),
  trained_on: z.object({
    from: Timestamp.describe("of the first value"),
    to: Timestamp.describe("of the last value: nothing later was seen"),
    entities: z.int().nonnegative().describe("0 for a series without entities"),
    rows: z.int().nonnegative().describe("training rows that the model was fitted to"),
  }),
  rounds: z
    .object({ total: z.int().nonnegative(), added: z.int().nonnegative() })
    .optional()
    .describe("boosting rounds or epochs, of all trainings and of this one (D-TRN-1)"),
  features: z.array(z.string()).optional().describe("in the order of the model's input columns"),
  vocabulary: z.array(z.string()).optional().describe("entities the model knows, in order of their ids"),
  metrics: z.record(z.string(), z.number()).optional().describe("on validation rows held out of the fit"),
  parent: ArtifactDigest.nullable().describe("bundle that this one goes on from"),
  code_version: z.string(),
});
export type BundleInfo = z.infer<typeof BundleInfo>;

/** A trained model with all that belongs to it, stored and named by its content. */
export interface Bundle {
  readonly info: BundleInfo;
  /** by name: model.onnx, manifest.json … */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const INFO = "bundle.json";

/** A bundle as bytes, see `packFiles`. Equal bundles are equal bytes. */
export function packBundle({ info, files }: Bundle): Uint8Array {
  return packFiles(new Map([[INFO, strToU8(`${JSON.stringify(info, null, 2)}\n`)], ...files]));
}

/**
 * Reads a bundle.
 *
 * @param what what to call it in errors: a path or a digest
 * @throws {ModelMismatchError} when it is no ZIP, has no `bundle.json`, or that has a wrong field
 */
export function readBundle(bytes: Uint8Array, what: string): Bundle {
  const files = unpackFiles(bytes, what);
  const info = infoOf(files, what);
  files.delete(INFO);
  return { info, files };
}

/** What a bundle says of itself, without unpacking the rest. @throws as `readBundle` */
export function readBundleInfo(bytes: Uint8Array, what: string): BundleInfo {
  return infoOf(unpackFiles(bytes, what, INFO), what);
}

function infoOf(files: ReadonlyMap<string, Uint8Array>, what: string): BundleInfo {
  const info = files.get(INFO);
  if (info === undefined) throw new ModelMismatchError(`bundle '${what}' has no ${INFO}`);
  return parseModelJson(BundleInfo, strFromU8(info), `${INFO} of bundle '${what}'`);
}

/** @throws {ModelMismatchError} naming the bundle and the file it lacks */
export function bundleFile(bundle: Bundle, name: string, what: string): Uint8Array {
  const file = bundle.files.get(name);
  if (file !== undefined) return file;
  throw new ModelMismatchError(`bundle '${what}' has no ${name}, expected of family '${bundle.info.family}'`);
}
