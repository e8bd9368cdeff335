import { readFile } from "node:fs/promises";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { z } from "zod";
import { explain, RetuneError } from "../errors.ts";
import { NINE_LEVELS } from "./quantile-forecast.ts";

/** The file cannot be loaded, or computes something other than its manifest promises. */
export class ModelMismatchError extends RetuneError {
  readonly disposition = "terminate";
}

/**
 * @param subject begins the error: `manifest 'x'`
 * @throws {ModelMismatchError} naming each wrong field
 */
export function parseModelJson<T>(schema: z.ZodType<T>, text: string, subject: string): T {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    throw new Error(z.prettifyError(parsed.error));
  } catch (cause) {
    throw new ModelMismatchError(`${subject} cannot be used: ${explain(cause)}`, { cause });
  }
}

/** Context of a released Chronos-Bolt whose graph leaves the length open, in steps. */
const OPEN_CONTEXT_LENGTH = 2048;
/** Chronos-2's levels, which reach further out. */
const TWENTY_ONE_LEVELS: readonly number[] = [
  0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9,
  0.95, 0.99,
];
const LEVELS = [
  { family: "chronos-bolt", levels: NINE_LEVELS },
  { family: "chronos-2", levels: TWENTY_ONE_LEVELS },
] as const;

type Value = InferenceSession.ValueMetadata;
type Values = readonly Value[];

/** A short context for asking an open graph what it returns, in steps. */
const PROBE_LENGTH = 64;

const Levels = z
  .array(z.number().gt(0).lt(1))
  .min(2)
  .refine(
    (levels) => levels.every((level, i) => i === 0 || level > levels[i - 1]!),
    "expected ascending levels",
  )
  .refine((levels) => levels[0]! < 0.5 && levels.at(-1)! > 0.5, "expected levels on both sides of 0.5");

/** What a model file promises: names, lengths in steps, and which axis of its output holds the quantiles. */
export const ModelManifest = z.strictObject({
  family: z.enum(["chronos-bolt", "chronos-2"]),
  input: z.string().min(1).describe("float32 [series, steps], NaN for missing and left padding"),
  mask: z.string().min(1).optional().describe("float32 [series, steps], 1 where the input is observed"),
  group_ids: z
    .string()
    .min(1)
    .optional()
    .describe("int64 [series], series of one group see each other; each gets a group of its own"),
  output: z.string().min(1).describe("float32 [series, levels, horizon] or [series, horizon, levels]"),
  context_length: z.int().positive().describe("most steps the model looks at"),
  fixed_context: z.boolean().optional().describe("true: the input always has context_length steps"),
  horizon: z.int().positive().describe("steps predicted at once"),
  quantile_levels: Levels,
  quantile_axis: z.literal([1, 2]),
});
export type ModelManifest = z.infer<typeof ModelManifest>;

/** Names of what a graph is fed with. */
export type ModelInputs = Pick<ModelManifest, "input" | "mask" | "group_ids">;

/** Reads a manifest file. Throws a ModelMismatchError that names the file and each wrong field. */
export async function readManifest(path: string): Promise<ModelManifest> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new ModelMismatchError(`manifest '${path}' cannot be used: ${explain(cause)}`, { cause });
  });
  return parseManifest(text, path);
}

/** @param what what to call it in errors */
export function parseManifest(text: string, what: string): ModelManifest {
  return parseModelJson(ModelManifest, text, `manifest '${what}'`);
}

/**
 * Writes the manifest of a graph without one: names and context length from the session's metadata (a length left
 * open becomes 2048), horizon and quantile axis from the shape a probe run returns. The axis whose size is the number
 * of levels holds the quantiles, and tells the family: nine are Chronos-Bolt's .1 … .9, 21 are Chronos-2's; no graph
 * states them itself.
 *
 * @param run runs the session on one series of `length` steps and returns the named output
 * @throws {ModelMismatchError} when the graph has other inputs or outputs, or the shape leaves a choice
 */
export async function discoverManifest(
  session: Pick<InferenceSession, "inputMetadata" | "outputMetadata">,
  run: (inputs: ModelInputs, output: string, length: number) => Promise<Tensor>,
): Promise<ModelManifest> {
  const { inputs, steps } = discoverInputs(session.inputMetadata);
  const outputs = session.outputMetadata.filter((value) => isFloats(value, 3));
  const output = outputs[0];
  if (outputs.length !== 1 || output === undefined) {
    throw new ModelMismatchError(
      `expected one float32 output of three axes, the graph has ${describe(session.outputMetadata)}`,
    );
  }
  const fixed = typeof steps === "number" && steps > 0;
  const { dims } = await run(inputs, output.name, fixed ? steps : PROBE_LENGTH);
  const found = ([1, 2] as const).flatMap((axis) =>
    LEVELS.filter(({ levels }) => levels.length === dims[axis]).map((each) => ({ axis, ...each })),
  );
  const only = found[0];
  if (only === undefined || found.length > 1) {
    const sizes = LEVELS.map(({ family, levels }) => `${levels.length} levels (${family})`).join(" or ");
    throw new ModelMismatchError(
      `output '${output.name}' is [${dims}]: exactly one of its last two axes must have ${sizes}`,
    );
  }
  return {
    family: only.family,
    ...inputs,
    output: output.name,
    context_length: fixed ? steps : OPEN_CONTEXT_LENGTH,
    fixed_context: fixed,
    horizon: dims[3 - only.axis]!,
    quantile_levels: [...only.levels],
    quantile_axis: only.axis,
  };
}

/** The context, and where the graph has them, the mask of its shape and the series' groups. */
function discoverInputs(values: Values): { readonly inputs: ModelInputs; readonly steps: number | string } {
  const isMask = (value: Value) => isFloats(value, 2) && /mask/i.test(value.name);
  const contexts = values.filter((value) => isFloats(value, 2) && !isMask(value));
  const masks = values.filter(isMask);
  const groups = values.filter(
    (value) => value.isTensor && value.type === "int64" && value.shape.length === 1,
  );
  const [context] = contexts;
  const isKnown = contexts.length + masks.length + groups.length === values.length;
  if (!context?.isTensor || contexts.length > 1 || masks.length > 1 || groups.length > 1 || !isKnown) {
    throw new ModelMismatchError(
      `expected one float32 input [series, steps], beside it at most a float32 mask of its shape and int64 group ids [series], the graph has ${describe(values)}`,
    );
  }
  const inputs = {
    input: context.name,
    ...(masks[0] && { mask: masks[0].name }),
    ...(groups[0] && { group_ids: groups[0].name }),
  };
  return { inputs, steps: context.shape[1]! };
}

function isFloats(value: Value, axes: number): boolean {
  return value.isTensor && value.type === "float32" && value.shape.length === axes;
}

function describe(values: Values): string {
  return (
    values
      .map((value) => (value.isTensor ? `${value.name} ${value.type}[${value.shape}]` : value.name))
      .join(", ") || "none"
  );
}
