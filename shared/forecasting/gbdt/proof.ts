import { pairedDifference } from "../../search/pruners/window-losses.ts";
import { meanLoss, type Objective } from "./objective.ts";

/** Consecutive parts of the validation rows; within one, errors of overlapping horizons move together. */
const BLOCKS = 10;

/**
 * Whether trees are worth more than chance: over ten consecutive blocks of the validation rows, the mean of how much
 * they lower the loss is above its standard error. The best of many rounds on the rows that chose it is better than
 * none by luck alone, most of all where nothing can be learnt.
 *
 * @param labels  [rows], in order of time
 * @param without one [rows] per output, scores before the first new tree
 * @param withTrees the same after the last
 */
export function isProven(
  objective: Objective,
  labels: Float64Array,
  without: readonly Float64Array[],
  withTrees: readonly Float64Array[],
): boolean {
  const lossesOf = (scores: readonly Float64Array[]) =>
    Array.from({ length: BLOCKS }, (_, block) => {
      const [from, to] = [block, block + 1].map((edge) => Math.floor((edge * labels.length) / BLOCKS));
      return meanLoss(objective, labels, scores, from!, to!);
    });
  const { mean, standardError } = pairedDifference(lossesOf(without), lossesOf(withTrees));
  return mean > standardError;
}
