import type { Table } from "../tabular/table.ts";

/** Marks a leaf among the split features. */
export const LEAF = -1;

/** A binary regression tree with one or more outputs. Node 0 is the root; children come after their parents. */
export interface Tree {
  /** [nodes]: column to split on, `LEAF` for a leaf */
  readonly feature: Int32Array;
  /** [nodes]: values up to it go left */
  readonly threshold: Float32Array;
  /** [nodes]: 1 where a missing value goes left */
  readonly missingLeft: Uint8Array;
  /** [nodes]: children, 0 for a leaf */
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** [nodes, outputs], row-major: what a leaf adds; 0 for inner nodes */
  readonly values: Float32Array;
}

export function leafCount({ feature }: Tree): number {
  return (feature.length + 1) / 2;
}

/** The leaf that a row falls into. */
export function leafOf(tree: Tree, columns: Table["columns"], row: number): number {
  const { feature, threshold, missingLeft, left, right } = tree;
  let node = 0;
  while (feature[node] !== LEAF) {
    const value = columns[feature[node]!]![row]!;
    const goesLeft = Number.isNaN(value) ? missingLeft[node] === 1 : value <= threshold[node]!;
    node = goesLeft ? left[node]! : right[node]!;
  }
  return node;
}

/**
 * Adds what the tree says of rows `from` … `to` − 1 to each output's scores, [rows] each.
 *
 * @param wanted absent: all of them; else those with a 1
 */
export function addScores(
  tree: Tree,
  columns: Table["columns"],
  scores: readonly Float64Array[],
  from: number,
  to: number,
  wanted?: Uint8Array,
): void {
  for (let row = from; row < to; row += 1) {
    if (wanted !== undefined && wanted[row] === 0) continue;
    const leaf = leafOf(tree, columns, row) * scores.length;
    for (let output = 0; output < scores.length; output += 1)
      scores[output]![row]! += tree.values[leaf + output]!;
  }
}
