import { combinedLoss, type Target } from "./targets.ts";

const ROUNDS = 400;

/**
 * The weights on the simplex whose average of quantiles has the least pinball loss, by exponentiated subgradients:
 *
 *     w_i ← w_i exp(−η_t (g_i − min g) / (max g − min g)) / Σ      η_t = √(2 ln n / t)
 *
 * The problem is convex. Of all 400 iterates, equal weights and each member alone, the best is kept, so that the result
 * is no worse on these targets than any member. Depends on the arguments alone.
 *
 * @param targets not empty
 * @param n       members
 * @returns [n], sum 1
 *
 * Source: Beck & Teboulle, "Mirror descent and nonlinear projected subgradient methods for convex optimization",
 * Operations Research Letters 31 (2003), section 5.
 */
export function pinballWeights(targets: readonly Target[], n: number): Float64Array {
  let weights: Float64Array = new Float64Array(n).fill(1 / n);
  let best = weights;
  let least = combinedLoss(targets, weights);
  const keep = (candidate: Float64Array, loss: number) => {
    if (loss < least) [best, least] = [candidate, loss];
  };
  for (let m = 0; m < n; m += 1) {
    const alone = new Float64Array(n);
    alone[m] = 1;
    keep(alone, combinedLoss(targets, alone));
  }
  const slope = new Float64Array(n);
  for (let t = 1; t <= ROUNDS && n > 1; t += 1) {
    keep(weights, combinedLoss(targets, weights, slope));
    const lowest = Math.min(...slope);
    const range = Math.max(...slope) - lowest;
    if (!(range > 0)) break;
    const step = Math.sqrt((2 * Math.log(n)) / t);
    const grown = weights.map((weight, i) => weight * Math.exp((-step * (slope[i]! - lowest)) / range));
    const sum = grown.reduce((a, b) => a + b, 0);
    weights = grown.map((weight) => weight / sum);
  }
  return best;
}
