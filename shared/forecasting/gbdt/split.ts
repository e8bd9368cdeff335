import { MISSING_BIN } from "./bins.ts";
import { FEATURE_STRIDE } from "./histogram.ts";

/** Sums over the rows of a node. */
export interface NodeSums {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
}

/** What a node may be split by. */
export interface Split {
  readonly feature: number;
  /** bins up to it go left; the last bin of values: all values go left, missing ones right */
  readonly bin: number;
  readonly missingLeft: boolean;
  /** by which the split lowers the loss, twice */
  readonly gain: number;
}

export interface SplitRules {
  /** rows that each side must keep; by share of the hessian where rows weigh unequally, as in LightGBM */
  readonly minLeaf: number;
  /** λ */
  readonly l2: number;
  /** gains up to this are rounding */
  readonly minGain: number;
}

/**
 * The split with the largest gain over all edges and both directions of missing values, null where none gains:
 *
 *     gain = G_L² / (H_L + λ) + G_R² / (H_R + λ) − G² / (H + λ)
 *
 * A feature that misses nothing here sends missing values to the side with more rows. Equal gains: the first feature
 * and the lowest edge.
 *
 * Source: Chen & Guestrin, "XGBoost" (2016), eq. 7 and algorithm 3.
 */
export function bestSplit(
  histogram: Float64Array,
  features: Int32Array,
  binCounts: Int32Array,
  node: NodeSums,
  { minLeaf, l2, minGain }: SplitRules,
): Split | null {
  const { gradient, hessian } = node;
  if (node.rows < 2 * minLeaf) return null;
  // Half a row of slack: sums of hessians that are counts in disguise must not fail by a rounding.
  const minHessian = (hessian / node.rows) * (minLeaf - 0.5);
  const whole = (gradient * gradient) / (hessian + l2);
  let best = whole + minGain;
  let feature = -1;
  let bin = 0;
  let missingLeft = false;
  for (const each of features) {
    const from = each * FEATURE_STRIDE;
    const missingGradient = histogram[from + 2 * MISSING_BIN]!;
    const missingHessian = histogram[from + 2 * MISSING_BIN + 1]!;
    const misses = missingHessian > 1e-9 * hessian;
    const lastBin = binCounts[each]! - (misses ? 1 : 2);
    let leftGradient = 0;
    let leftHessian = 0;
    for (let b = 1; b <= lastBin; b += 1) {
      const binHessian = histogram[from + 2 * b + 1]!;
      if (binHessian === 0) continue;
      leftGradient += histogram[from + 2 * b]!;
      leftHessian += binHessian;
      for (let withMissing = misses ? 1 : 0; withMissing >= 0; withMissing -= 1) {
        const gl = leftGradient + withMissing * missingGradient;
        const hl = leftHessian + withMissing * missingHessian;
        const hr = hessian - hl;
        if (hl < minHessian || hr < minHessian) continue;
        const gr = gradient - gl;
        const score = (gl * gl) / (hl + l2) + (gr * gr) / (hr + l2);
        if (score <= best) continue;
        best = score;
        feature = each;
        bin = b;
        missingLeft = misses ? withMissing === 1 : hl >= hr;
      }
    }
  }
  return feature < 0 ? null : { feature, bin, missingLeft, gain: best - whole };
}
