import { type BinnedRows, shiftOf } from "./binned-rows.ts";
import { MISSING_BIN } from "./bins.ts";
import {
  FEATURE_STRIDE,
  fillHistogram,
  GROUP,
  HistogramScratch,
  type NodeRows,
  type Packing,
  subtractHistogram,
} from "./histogram.ts";
import { bestSplit, type NodeSums, type Split, type SplitRules } from "./split.ts";
import type { Tree } from "./tree.ts";
import { TreeNodes } from "./tree-nodes.ts";

export interface Growth {
  /** [rows] of the table; those not in `rows` are not looked at */
  readonly gradient: Float64Array;
  /** [rows] of the table; null: 1 for each */
  readonly hessian: Float64Array | null;
  /** see `toFixedPoint`; null where gradients are none */
  readonly packing: Packing | null;
  /** the rows to grow on, ascending; reordered so that each leaf's are together */
  readonly rows: Int32Array;
  /** the features that may be split on, ascending */
  readonly features: Int32Array;
  readonly maxLeaves: number;
  readonly rules: SplitRules;
}

/** A leaf of a tree that has just been grown. */
export interface GrownLeaf extends NodeSums {
  readonly node: number;
  /** its rows: a part of `Growth.rows` */
  readonly members: Int32Array;
}

/** A tree without leaf values yet. */
export interface Grown {
  readonly tree: Omit<Tree, "values">;
  readonly leaves: readonly GrownLeaf[];
}

interface OpenLeaf extends GrownLeaf {
  readonly histogram: Float64Array;
  readonly split: Split | null;
}

/**
 * Grows one tree after another on the same rows, leaf by leaf: the leaf whose split gains most is split next, until
 * there are `maxLeaves` or none gains. The smaller child's histogram is summed, the larger one's is what remains of
 * the parent's.
 *
 * Sources: Ke et al., "LightGBM" (2017); Shi, "Best-first decision tree learning" (2007).
 */
export class TreeGrower {
  readonly #data: BinnedRows;
  readonly #histograms: Float64Array[] = [];
  readonly #gradient: Float64Array;
  readonly #hessian: Float64Array;
  readonly #right: Int32Array;
  readonly #scratch: HistogramScratch;
  readonly #goesLeft = new Uint8Array(256);

  constructor(data: BinnedRows) {
    this.#data = data;
    this.#gradient = new Float64Array(data.rows);
    this.#hessian = new Float64Array(data.rows);
    this.#right = new Int32Array(data.rows);
    this.#scratch = new HistogramScratch(data.rows);
  }

  grow(growth: Growth): Grown {
    const nodes = new TreeNodes(2 * growth.maxLeaves - 1);
    const root = this.#openLeaf(growth, nodes.add(), growth.rows, this.#takeHistogram());
    const leaves: OpenLeaf[] = [root];
    while (leaves.length < growth.maxLeaves) {
      const index = largestGain(leaves);
      if (index < 0) break;
      const [left, right] = this.#split(growth, nodes, leaves[index]!);
      leaves[index] = left;
      leaves.push(right);
    }
    for (const { histogram } of leaves) this.#histograms.push(histogram);
    return { tree: nodes.finish(), leaves };
  }

  #split(growth: Growth, nodes: TreeNodes, leaf: OpenLeaf): [OpenLeaf, OpenLeaf] {
    const { features } = growth;
    const split = leaf.split!;
    const leftRows = this.#partition(leaf.members, split);
    const [left, right] = nodes.split(leaf.node, split, this.#thresholdOf(split));
    const leftMembers = leaf.members.subarray(0, leftRows);
    const rightMembers = leaf.members.subarray(leftRows);
    const smaller = this.#takeHistogram();
    if (leftMembers.length <= rightMembers.length) {
      const child = this.#openLeaf(growth, left, leftMembers, smaller);
      subtractHistogram(leaf.histogram, smaller, features, this.#data.binCounts);
      return [child, this.#siblingLeaf(growth, right, rightMembers, leaf, child)];
    }
    const child = this.#openLeaf(growth, right, rightMembers, smaller);
    subtractHistogram(leaf.histogram, smaller, features, this.#data.binCounts);
    return [this.#siblingLeaf(growth, left, leftMembers, leaf, child), child];
  }

  /** A leaf whose histogram is summed from its rows. */
  #openLeaf(growth: Growth, node: number, members: Int32Array, histogram: Float64Array): OpenLeaf {
    const gathered = this.#gather(growth, members);
    fillHistogram(this.#data.words, groupsOf(growth.features), gathered, histogram, this.#scratch);
    const gradient = sumOf(gathered.gradient);
    const hessian = gathered.hessian === null ? members.length : sumOf(gathered.hessian);
    return this.#withSplit(growth, { node, members, histogram, gradient, hessian, rows: members.length });
  }

  /** The leaf that is left of its parent without `child`, whose histogram has been subtracted. */
  #siblingLeaf(
    growth: Growth,
    node: number,
    members: Int32Array,
    parent: OpenLeaf,
    child: OpenLeaf,
  ): OpenLeaf {
    return this.#withSplit(growth, {
      node,
      members,
      histogram: parent.histogram,
      gradient: parent.gradient - child.gradient,
      hessian: parent.hessian - child.hessian,
      rows: members.length,
    });
  }

  #withSplit(growth: Growth, leaf: Omit<OpenLeaf, "split">): OpenLeaf {
    const split = bestSplit(leaf.histogram, growth.features, this.#data.binCounts, leaf, growth.rules);
    return { ...leaf, split };
  }

  /** Gradients in the order of the rows: read once in random order, then in sequence for every feature. */
  #gather({ gradient, hessian, packing }: Growth, rows: Int32Array): NodeRows {
    const count = rows.length;
    const g = this.#gradient.subarray(0, count);
    for (let i = 0; i < count; i += 1) g[i] = gradient[rows[i]!]!;
    if (hessian === null) return { rows, gradient: g, hessian: null, packing };
    const h = this.#hessian.subarray(0, count);
    for (let i = 0; i < count; i += 1) h[i] = hessian[rows[i]!]!;
    return { rows, gradient: g, hessian: h, packing };
  }

  /** Moves the rows that go left to the front, both sides in their order. @returns how many go left */
  #partition(rows: Int32Array, { feature, bin, missingLeft }: Split): number {
    const words = this.#data.words[Math.floor(feature / GROUP)]!;
    const shift = shiftOf(feature);
    const goesLeft = this.#goesLeft.fill(0).fill(1, MISSING_BIN + 1, bin + 1);
    goesLeft[MISSING_BIN] = missingLeft ? 1 : 0;
    const right = this.#right;
    let lefts = 0;
    for (let i = 0; i < rows.length; i += 1) {
      const row = rows[i]!;
      rows[lefts] = row;
      right[i - lefts] = row;
      lefts += goesLeft[(words[row]! >>> shift) & 255]!;
    }
    rows.set(right.subarray(0, rows.length - lefts), lefts);
    return lefts;
  }

  #thresholdOf({ feature, bin }: Split): number {
    return this.#data.edges[feature]![bin - 1] ?? Infinity;
  }

  #takeHistogram(): Float64Array {
    return this.#histograms.pop() ?? new Float64Array(this.#data.words.length * GROUP * FEATURE_STRIDE);
  }
}

function largestGain(leaves: readonly OpenLeaf[]): number {
  let best = -1;
  let gain = 0;
  leaves.forEach(({ split }, i) => {
    if (split === null || split.gain <= gain) return;
    best = i;
    gain = split.gain;
  });
  return best;
}

/** Groups that hold one of the features. */
function groupsOf(features: Int32Array): Int32Array {
  return Int32Array.from(new Set(features.map((feature) => Math.floor(feature / GROUP))));
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]!;
  return sum;
}
