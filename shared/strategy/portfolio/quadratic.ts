import { at, covarianceWith, type Matrix } from "./covariance.ts";
import { projectToCappedSimplex } from "./simplex.ts";

const MAX_STEPS = 200_000;
/** Of the largest slope: how far two assets' slopes may differ at the solution. */
const TOLERANCE = 1e-12;

/**
 * The weights w with 0 ≤ w ≤ cap and Σ w = 1 that minimise ½ wᵀ Q w − cᵀ w, for a positive semidefinite Q.
 *
 * Weight goes from the asset with the steepest slope that may give to the one with the least that may take, as much as
 * is best for the two, until no such pair is left: then the conditions of Karush, Kuhn and Tucker hold. Deterministic:
 * of equal slopes the first asset goes first.
 *
 * Source of the pairwise method: J. C. Platt, "Sequential Minimal Optimization", Microsoft Research MSR-TR-98-14 (1998).
 *
 * @throws {InvalidInputError} as `projectToCappedSimplex`
 */
export function minimiseQuadratic(quadratic: Matrix, linear: ArrayLike<number>, cap = 1): Float64Array {
  const { size } = quadratic;
  const weights = projectToCappedSimplex(new Float64Array(size).fill(1 / size), cap);
  const slopes = covarianceWith(quadratic, weights).map((each, i) => each - linear[i]!);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    let [giver, taker] = [-1, -1];
    for (let i = 0; i < size; i += 1) {
      if (weights[i]! > 0 && (giver < 0 || slopes[i]! > slopes[giver]!)) giver = i;
      if (weights[i]! < cap && (taker < 0 || slopes[i]! < slopes[taker]!)) taker = i;
    }
    if (giver < 0 || taker < 0) break;
    const gap = slopes[giver]! - slopes[taker]!;
    const largest = slopes.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    if (gap <= TOLERANCE * largest) break;
    const curvature =
      at(quadratic, giver, giver) + at(quadratic, taker, taker) - 2 * at(quadratic, giver, taker);
    const room = Math.min(weights[giver]!, cap - weights[taker]!);
    const moved = curvature > 0 ? Math.min(room, gap / curvature) : room;
    if (moved === 0) break;
    weights[giver] = moved === weights[giver] ? 0 : weights[giver]! - moved;
    weights[taker] = Math.min(cap, weights[taker]! + moved);
    for (let i = 0; i < size; i += 1)
      slopes[i] = slopes[i]! + moved * (at(quadratic, i, taker) - at(quadratic, i, giver));
  }
  return weights;
}
