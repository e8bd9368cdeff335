/** What Retune and an external trainer tell each other; `models/command-example/README.md` says it in prose. */
import { z } from "zod";
import { Duration } from "../../contracts/duration.ts";
import { ModelManifest } from "../manifest.ts";

const Name = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, "expected a lower-case name of letters, digits and _");
const Choice = z.union([z.string(), z.number(), z.boolean()]);

const Parameter = z.union([
  z.strictObject({
    name: Name,
    description: z.string(),
    kind: z.enum(["float", "integer"]),
    min: z.number(),
    max: z.number(),
    log: z.boolean().optional(),
    default: z.number(),
  }),
  z.strictObject({
    name: Name,
    description: z.string(),
    kind: z.literal("choice"),
    choices: z.array(Choice).min(1),
    default: Choice,
  }),
]);

/** `trainer.json` in the trainer's folder on the optimizer's machine: what is run, and how much it may take. */
export const TrainerFile = z.strictObject({
  description: z.string().optional(),
  command: z
    .array(z.string().min(1))
    .min(1)
    .describe("program and arguments; one that begins with ./ is a file of the trainer's folder"),
  parameters: z.array(Parameter).default([]).describe("what a search may vary"),
  dataset: z.enum(["parquet", "csv"]).default("parquet").describe("how the series are written"),
  time_limit: Duration.default("10m").describe("after which it is ended; 4 h at most"),
  memory_mb: z.int().min(16).default(1024).describe("resident memory of all its processes"),
  output_mb: z.number().positive().max(1024).default(256).describe("all that it may write"),
  env: z.record(z.string(), z.string()).default({}).describe("added to its environment"),
});
export type TrainerFile = z.infer<typeof TrainerFile>;

/** `request.json` in the working folder: what to train on. Paths are relative to that folder. */
export interface TrainerRequest {
  readonly format: 1;
  readonly dataset: {
    readonly path: string;
    readonly format: TrainerFile["dataset"];
    readonly steps: number;
    /** empty where the series has no entities */
    readonly entities: readonly string[];
  };
  /** folder that the model is to be written to; it exists and is empty */
  readonly artifact: string;
  /** folder with the files of the model to go on from, null for none */
  readonly parent: string | null;
  readonly horizon: number;
  readonly context_length: number;
  readonly season_length: number | "auto";
  readonly step_ms: number;
  readonly calendar: "all" | "weekdays";
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly seed: number;
  readonly time_limit_s: number;
}

/** `manifest.json` of the artifact: how `model.onnx` is called. */
export const TrainedManifest = z.strictObject({
  contract: z.literal("context-to-quantiles"),
  input: z.string().min(1).describe("float32 [series, context_length], oldest first, NaN for missing"),
  entity_input: z
    .string()
    .min(1)
    .optional()
    .describe("int64 [series]: place in vocabulary.json, its length for an entity that is not there"),
  output: z.string().min(1).describe("float32 [series, horizon, levels], unit of the series"),
  context_length: z.int().positive().max(8192),
  horizon: z.int().positive(),
  quantile_levels: ModelManifest.shape.quantile_levels,
});
export type TrainedManifest = z.infer<typeof TrainedManifest>;

/** `metadata.json` of the artifact: what the training came to. */
export const TrainedMetadata = z.strictObject({
  rows: z.int().nonnegative().describe("training rows that the model was fitted to"),
  rounds: z.strictObject({ total: z.int().nonnegative(), added: z.int().nonnegative() }).optional(),
  features: z.array(z.string()).optional(),
  metrics: z.record(z.string(), z.number()).optional().describe("on rows held out of the fit"),
});

/** `vocabulary.json` of the artifact: entities in the order of their ids. */
export const Vocabulary = z.array(z.string()).refine((names) => new Set(names).size === names.length, {
  message: "expected each entity once",
});

/** `mapping.json` of the artifact: whatever the trainer wants kept of its entities. */
export const Mapping = z.record(z.string(), z.unknown());
