import { readFile } from "node:fs/promises";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { z } from "zod";
import { explain, RetuneError } from "../errors.ts";
import { NINE_LEVELS } from "./quantile-forecast.ts";

/** The file cannot be loaded, or computes something other than its manifest promises. */
export class ModelMismatchError extends RetuneError {
  readonly disposition = "terminate";
}

/** Context of a released Chronos-Bolt whose graph leaves the length open, in steps. */
const OPEN_CONTEXT_LENGTH = 2048;
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
  family: z.literal("chronos-bolt"),
  input: z.string().min(1).describe("float32 [series, steps], NaN for missing and left padding"),
  output: z.string().min(1).describe("float32 [series, levels, horizon] or [series, horizon, levels]"),
  context_length: z.int().positive().describe("most steps the model looks at"),
  fixed_context: z.boolean().optional().describe("true: the input always has context_length steps"),
  horizon: z.int().positive().describe("steps predicted at once"),
  quantile_levels: Levels,
  quantile_axis: z.literal([1, 2]),
});
export type ModelManifest = z.infer<typeof ModelManifest>;

/** Reads a manifest file. Throws a ModelMismatchError that names the file and each wrong field. */
export async function readManifest(path: string): Promise<ModelManifest> {
  try {
    const parsed = ModelManifest.safeParse(JSON.parse(await readFile(path, "utf8")));
    if (parsed.success) return parsed.data;
    throw new Error(z.prettifyError(parsed.error));
  } catch (cause) {
    throw new ModelMismatchError(`manifest '${path}' cannot be used: ${explain(cause)}`, { cause });
  }
}

/**
 * Writes the manifest of a Chronos-Bolt graph without one: names and context length from the session's metadata (a
 * length left open becomes 2048), horizon and quantile axis from the shape a probe run returns. The axis whose size
 * is the number of levels holds the quantiles; the levels are .1 … .9, which no graph states itself.
 *
 * @param run runs the session on one series of `length` steps and returns the named output
 * @throws {ModelMismatchError} when the graph has other inputs or outputs, or the shape leaves a choice
 */
export async function discoverManifest(
  session: Pick<InferenceSession, "inputMetadata" | "outputMetadata">,
  run: (input: string, output: string, length: number) => Promise<Tensor>,
): Promise<ModelManifest> {
  const inputs = session.inputMetadata;
  const input = inputs[0];
  if (inputs.length !== 1 || !input?.isTensor || input.type !== "float32" || input.shape.length !== 2) {
    throw new ModelMismatchError(
      `expected one float32 input [series, steps], the graph has ${describe(inputs)}`,
    );
  }
  const outputs = session.outputMetadata.filter(
    (value) => value.isTensor && value.type === "float32" && value.shape.length === 3,
  );
  const output = outputs[0];
  if (outputs.length !== 1 || output === undefined) {
    throw new ModelMismatchError(
      `expected one float32 output of three axes, the graph has ${describe(session.outputMetadata)}`,
    );
  }
  const steps = input.shape[1];
  const fixed = typeof steps === "number" && steps > 0;
  const contextLength = fixed ? steps : OPEN_CONTEXT_LENGTH;

  const { dims } = await run(input.name, output.name, fixed ? steps : PROBE_LENGTH);
  const levels = NINE_LEVELS.length;
  const [, first, second] = dims;
  if ((first === levels) === (second === levels) || first === undefined || second === undefined) {
    throw new ModelMismatchError(
      `output '${output.name}' is [${dims}]: exactly one of its last two axes must have ${levels} levels`,
    );
  }
  return {
    family: "chronos-bolt",
    input: input.name,
    output: output.name,
    context_length: contextLength,
    fixed_context: fixed,
    horizon: first === levels ? second : first,
    quantile_levels: [...NINE_LEVELS],
    quantile_axis: first === levels ? 1 : 2,
  };
}

function describe(values: readonly InferenceSession.ValueMetadata[]): string {
  return (
    values
      .map((value) => (value.isTensor ? `${value.name} ${value.type}[${value.shape}]` : value.name))
      .join(", ") || "none"
  );
}
