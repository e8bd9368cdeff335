import { normalCdf, normalDensity } from "../../statistics/normal-law.ts";

/** Below this the two terms of the formula cancel each other's digits. */
const FAR = -5;

/**
 * Logarithm of the improvement on `best` to be expected of a draw from N(mean, std²), less being better:
 *
 *     EI = std (z Φ(z) + φ(z)),   z = (best − mean) / std
 *
 * For z < −5 by the first terms of its expansion, φ(z) / z² (1 − 3 / z²), so that hopeless points still have an order.
 * A point without uncertainty improves by best − mean, or by nothing: −∞.
 *
 * Source: D. R. Jones, M. Schonlau and W. J. Welch, J. Global Optimization 13 (1998), 455–492, equation 15.
 */
export function logExpectedImprovement(mean: number, std: number, best: number): number {
  if (!(std > 0)) return Math.log(Math.max(0, best - mean));
  const z = (best - mean) / std;
  if (z > FAR) return Math.log(std) + Math.log(z * normalCdf(z) + normalDensity(z));
  return Math.log(std) - 0.5 * (z * z + Math.log(2 * Math.PI)) - 2 * Math.log(-z) + Math.log1p(-3 / (z * z));
}
