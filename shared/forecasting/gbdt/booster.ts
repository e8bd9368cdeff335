import type { Table } from "../tabular/table.ts";
import { type Objective, outputsOf, sigmoid } from "./objective.ts";
import { addScores, type Tree } from "./tree.ts";

/** Gradient-boosted trees: base scores plus what each tree adds. */
export interface Booster {
  readonly objective: Objective;
  /** columns it was fitted to, in order */
  readonly features: readonly string[];
  /** [features]: upper edges of the bins, which a warm start goes on with */
  readonly edges: readonly Float32Array[];
  /** [outputs] */
  readonly base: Float32Array;
  /** oldest first */
  readonly trees: readonly Tree[];
}

/**
 * Scores in the space of the objective: values, quantiles (not sorted yet) or logits.
 *
 * @param columns as `features`
 * @returns one [rows] per output
 */
export function rawScores(
  { objective, base, trees }: Pick<Booster, "objective" | "base" | "trees">,
  { columns, rows }: Pick<Table, "columns" | "rows">,
): Float64Array[] {
  const scores = Array.from({ length: outputsOf(objective) }, (_, output) =>
    new Float64Array(rows).fill(base[output]!),
  );
  for (const tree of trees) addScores(tree, columns, scores, 0, rows);
  return scores;
}

/**
 * What the model says of each row, as its ONNX graph does: value, quantiles in ascending order, or probability.
 *
 * @returns [rows, outputs], row-major
 */
export function predict(booster: Booster, table: Pick<Table, "columns" | "rows">): Float32Array {
  const scores = rawScores(booster, table);
  const outputs = scores.length;
  const result = new Float32Array(table.rows * outputs);
  const finish = booster.objective.kind === "logistic" ? sigmoid : (score: number) => score;
  for (let row = 0; row < table.rows; row += 1) {
    for (let output = 0; output < outputs; output += 1)
      result[row * outputs + output] = finish(scores[output]![row]!);
    if (outputs > 1) result.subarray(row * outputs, (row + 1) * outputs).sort();
  }
  return result;
}
