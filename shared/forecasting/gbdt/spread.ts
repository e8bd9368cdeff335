import type { Booster } from "./booster.ts";

/** Factors that are tried, from half to three times the spread. */
const FACTORS = Array.from({ length: 37 }, (_, i) => 0.5 * 6 ** (i / 36));

/**
 * By how much the distance of every quantile from the median is to be multiplied, so that the pinball loss on rows
 * which the trees have not seen is least. Boosted quantiles are too close to the median as a rule: each leaf's is
 * taken from the rows that made the leaf.
 *
 * Source: Romano, Patterson & Candès, "Conformalized quantile regression" (2019), for the idea of correcting quantiles
 * on held-out rows; here by a factor, since errors grow with the step ahead.
 *
 * @param levels ascending, one half among them
 * @param scores one [rows] per level
 */
export function spreadFactor(
  levels: readonly number[],
  scores: readonly Float64Array[],
  labels: ArrayLike<number>,
): number {
  const medians = scores[levels.indexOf(0.5)]!;
  const lossOf = (factor: number) => {
    let loss = 0;
    for (const [k, level] of levels.entries()) {
      const column = scores[k]!;
      for (let row = 0; row < column.length; row += 1) {
        const error = labels[row]! - medians[row]! - factor * (column[row]! - medians[row]!);
        loss += error * (error > 0 ? level : level - 1);
      }
    }
    return loss;
  };
  let best = { factor: 1, loss: lossOf(1) };
  for (const factor of FACTORS) {
    const loss = lossOf(factor);
    if (loss < best.loss) best = { factor, loss };
  }
  return best.factor;
}

/** The booster whose quantiles are `factor` times as far from its median, and whose median is the same. */
export function spreadBy(booster: Booster, levels: readonly number[], factor: number): Booster {
  const median = levels.indexOf(0.5);
  const spread = (values: Float32Array) =>
    values.map((value, i) => {
      const middle = values[i - (i % levels.length) + median]!;
      return middle + factor * (value - middle);
    });
  return {
    ...booster,
    base: spread(booster.base),
    trees: booster.trees.map((tree) => ({ ...tree, values: spread(tree.values) })),
  };
}
