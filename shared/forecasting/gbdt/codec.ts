import { z } from "zod";
import { explain } from "../../errors.ts";
import { ModelMismatchError } from "../manifest.ts";
import type { Booster } from "./booster.ts";
import type { Tree } from "./tree.ts";

/** Digits after which a decimal number reads back as the same float32. */
const FLOAT32_DIGITS = 9;

const numbers = z.array(z.number());
/** null is ∞, which JSON has no number for: all values go left, missing ones right */
const thresholds = z.array(z.number().nullable());

const StoredTree = z.object({
  feature: numbers,
  threshold: thresholds,
  missing_left: numbers,
  left: numbers,
  right: numbers,
  values: numbers,
});

const StoredBooster = z.object({
  objective: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("l2") }),
    z.object({ kind: z.literal("quantile"), levels: numbers }),
    z.object({ kind: z.literal("logistic") }),
  ]),
  features: z.array(z.string()),
  edges: z.array(thresholds),
  base: numbers,
  trees: z.array(StoredTree),
});

/** Everything a warm start needs, which the ONNX graph does not tell: JSON. Equal boosters are equal bytes. */
export function encodeBooster({ objective, features, edges, base, trees }: Booster): Uint8Array {
  const stored: z.infer<typeof StoredBooster> = {
    objective: objective.kind === "quantile" ? { ...objective, levels: [...objective.levels] } : objective,
    features: [...features],
    edges: edges.map(floats),
    base: [...base].map(decimal),
    trees: trees.map((tree) => ({
      feature: [...tree.feature],
      threshold: floats(tree.threshold),
      missing_left: [...tree.missingLeft],
      left: [...tree.left],
      right: [...tree.right],
      values: [...tree.values].map(decimal),
    })),
  };
  return new TextEncoder().encode(JSON.stringify(stored));
}

/**
 * @param what what to call it in errors
 * @throws {ModelMismatchError} when it is no booster
 */
export function decodeBooster(bytes: Uint8Array, what: string): Booster {
  try {
    const { objective, features, edges, base, trees } = StoredBooster.parse(
      JSON.parse(new TextDecoder().decode(bytes)),
    );
    return {
      objective,
      features,
      edges: edges.map(float32s),
      base: Float32Array.from(base),
      trees: trees.map(treeOf),
    };
  } catch (cause) {
    throw new ModelMismatchError(`trees of '${what}' cannot be read: ${explain(cause)}`, { cause });
  }
}

function treeOf(stored: z.infer<typeof StoredTree>): Tree {
  return {
    feature: Int32Array.from(stored.feature),
    threshold: float32s(stored.threshold),
    missingLeft: Uint8Array.from(stored.missing_left),
    left: Int32Array.from(stored.left),
    right: Int32Array.from(stored.right),
    values: Float32Array.from(stored.values),
  };
}

function decimal(value: number): number {
  return Number(value.toPrecision(FLOAT32_DIGITS));
}

function floats(values: Float32Array): (number | null)[] {
  return Array.from(values, (value) => (value === Infinity ? null : decimal(value)));
}

function float32s(values: readonly (number | null)[]): Float32Array {
  return Float32Array.from(values, (value) => value ?? Infinity);
}
