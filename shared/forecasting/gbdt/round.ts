import { randomKey, uniformAt } from "../random.ts";
import type { Table } from "../tabular/table.ts";
import type { BinnedRows } from "./binned-rows.ts";
import type { BoostingParams } from "./boost.ts";
import { type Grown, TreeGrower } from "./grow.ts";
import { toFixedPoint } from "./histogram.ts";
import { fillGradients, hasUnitHessian, type Objective, outputOfRound, outputsOf } from "./objective.ts";
import { selectQuantile } from "./select.ts";
import { addScores, type Tree } from "./tree.ts";

/** Gains below this share of the gradients' squares are rounding. */
const ROUNDING = 1e-10;

/** Makes one boosting round after another: gradients, a tree, its leaf values, new scores. */
export class RoundGrower {
  readonly #data: BinnedRows;
  readonly #columns: Table["columns"];
  readonly #labels: Float64Array;
  readonly #objective: Objective;
  readonly #params: BoostingParams;
  readonly #grower: TreeGrower;
  readonly #gradient: Float64Array;
  readonly #hessian: Float64Array | null;
  /** residuals of one leaf */
  readonly #residuals: Float64Array;
  /** [fitted rows]: 1 for those that a round's tree was not grown on */
  readonly #left: Uint8Array;

  /** @param labels of the fitted rows, which are the first of the table */
  constructor(
    data: BinnedRows,
    { columns }: Table,
    labels: Float64Array,
    objective: Objective,
    params: BoostingParams,
  ) {
    this.#data = data;
    this.#columns = columns;
    this.#labels = labels;
    this.#objective = objective;
    this.#params = params;
    this.#grower = new TreeGrower(data);
    this.#gradient = new Float64Array(data.rows);
    this.#hessian = hasUnitHessian(objective) ? null : new Float64Array(data.rows);
    this.#residuals = new Float64Array(data.rows);
    this.#left = new Uint8Array(data.rows);
  }

  /**
   * Grows the tree of a round and adds it to the scores.
   *
   * @param round counts from the very first tree, so that a warm start does not draw its parent's samples again
   * @param scores one [all rows] per output
   */
  next(round: number, scores: readonly Float64Array[]): Tree {
    const output = outputOfRound(this.#objective, round);
    fillGradients(this.#objective, output, this.#labels, scores[output]!, this.#gradient, this.#hessian);
    const { leaves: maxLeaves, minLeaf, l2, rowShare, featureShare, seed } = this.#params;
    const rows = sample(this.#data.rows, rowShare, randomKey(seed, round, 0));
    const packing = this.#hessian === null ? toFixedPoint(this.#gradient) : null;
    const grown = this.#grower.grow({
      gradient: this.#gradient,
      hessian: this.#hessian,
      packing,
      rows,
      features: sample(this.#data.edges.length, featureShare, randomKey(seed, round, 1)),
      maxLeaves,
      rules: { minLeaf, l2, minGain: ROUNDING * squares(this.#gradient) },
    });
    const tree = { ...grown.tree, values: this.#leafValues(grown, scores) };
    this.#addTo(scores, tree, grown);
    return tree;
  }

  #leafValues({ tree, leaves }: Grown, scores: readonly Float64Array[]): Float32Array {
    const { learningRate, l2 } = this.#params;
    const outputs = outputsOf(this.#objective);
    const values = new Float32Array(tree.feature.length * outputs);
    for (const { node, gradient, hessian, members } of leaves) {
      if (this.#objective.kind !== "quantile") values[node] = (-learningRate * gradient) / (hessian + l2);
      else
        for (const [output, level] of this.#objective.levels.entries())
          values[node * outputs + output] =
            learningRate * this.#residualQuantile(members, scores[output]!, level);
    }
    return values;
  }

  /** The sign of a residual says where to go, not how far: a quantile's leaf is the quantile of its residuals. */
  #residualQuantile(members: Int32Array, scores: Float64Array, level: number): number {
    const residuals = this.#residuals.subarray(0, members.length);
    for (let i = 0; i < members.length; i += 1) {
      const row = members[i]!;
      residuals[i] = this.#labels[row]! - scores[row]!;
    }
    return selectQuantile(residuals, level);
  }

  /** Rows that the tree was grown on are in their leaves already; only the others are looked up. */
  #addTo(scores: readonly Float64Array[], tree: Tree, { leaves }: Grown): void {
    const outputs = scores.length;
    const fitted = this.#data.rows;
    const sampled = this.#params.rowShare < 1;
    const left = sampled ? this.#left.fill(1) : this.#left;
    for (const { node, members } of leaves) {
      for (let output = 0; output < outputs; output += 1) {
        const column = scores[output]!;
        const value = tree.values[node * outputs + output]!;
        for (let i = 0; i < members.length; i += 1) column[members[i]!]! += value;
      }
      if (sampled) for (let i = 0; i < members.length; i += 1) left[members[i]!] = 0;
    }
    if (sampled) addScores(tree, this.#columns, scores, 0, fitted, left);
    addScores(tree, this.#columns, scores, fitted, scores[0]!.length);
  }
}

/**
 * About a share of 0 … `count` − 1, ascending, each by a number of its own; at least one.
 *
 * @param share 1 takes all
 */
function sample(count: number, share: number, key: number): Int32Array {
  const taken = new Int32Array(count);
  let size = 0;
  for (let i = 0; i < count; i += 1) if (share >= 1 || uniformAt(key, i) < share) taken[size++] = i;
  return size > 0 ? taken.subarray(0, size) : Int32Array.of(Math.floor(uniformAt(key, count) * count));
}

function squares(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]! ** 2;
  return sum;
}
