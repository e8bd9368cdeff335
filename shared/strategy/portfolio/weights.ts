import { InvalidInputError } from "../../errors.ts";
import { at, covarianceWith, type Matrix, varianceOf } from "./covariance.ts";
import { minimiseQuadratic } from "./quadratic.ts";
import { projectToCappedSimplex } from "./simplex.ts";

const MAX_ROUNDS = 10_000;
const TOLERANCE = 1e-11;

/**
 * Long-only weights with the least variance: min wᵀ Σ w, 0 ≤ w ≤ cap, Σ w = 1.
 *
 * Source: H. Markowitz, "Portfolio Selection", Journal of Finance 7 (1952), 77-91.
 *
 * @throws {InvalidInputError} where caps leave no room for the whole
 */
export function minimumVariance(covariance: Matrix, cap = 1): Float64Array {
  return minimiseQuadratic(covariance, new Float64Array(covariance.size), cap);
}

/**
 * Long-only weights with the highest ratio of mean excess return to its standard deviation, 0 ≤ w ≤ cap, Σ w = 1.
 *
 * Of ratios m² / v the quadratic transform is 2 y m − y² v, best in y at m / v and in w a quadratic programme; both in
 * turn never lower the ratio and end at its maximum, as it has no other stationary point where m > 0.
 *
 * Source of the transform: K. Shen, W. Yu, "Fractional Programming for Communication Systems, Part I", IEEE Transactions
 * on Signal Processing 66 (2018), 2616-2630.
 *
 * @param excess mean returns above the risk-free rate, in the bars of the covariance
 * @returns null where no portfolio within the caps has a positive mean: its ratio would be best for the most variance
 * @throws {InvalidInputError} for another number of means than assets, and as `minimumVariance`
 */
export function maximumSharpe(covariance: Matrix, excess: ArrayLike<number>, cap = 1): Float64Array | null {
  if (excess.length !== covariance.size)
    throw new InvalidInputError(`${excess.length} mean returns, expected ${covariance.size}, one an asset`);
  const meanOf = (each: Float64Array) => each.reduce((sum, weight, i) => sum + weight * excess[i]!, 0);
  let weights = minimumVariance(covariance, cap);
  if (!(meanOf(weights) > 0)) weights = highestMean(excess, cap);
  if (!(meanOf(weights) > 0)) return null;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const y = meanOf(weights) / varianceOf(covariance, weights);
    const next = minimiseQuadratic(
      covariance,
      Float64Array.from(excess, (each) => each / y),
      cap,
    );
    const moved = next.reduce((most, each, i) => Math.max(most, Math.abs(each - weights[i]!)), 0);
    weights = next;
    if (moved < TOLERANCE) break;
  }
  return weights;
}

/** As much as may be of the asset with the highest mean, then of the next. */
function highestMean(excess: ArrayLike<number>, cap: number): Float64Array {
  const weights = new Float64Array(excess.length);
  let left = 1;
  for (const i of [...weights.keys()].sort((a, b) => excess[b]! - excess[a]!)) {
    weights[i] = Math.min(cap, left);
    left -= weights[i]!;
  }
  return weights;
}

/**
 * Long-only weights of which each contributes the same share w_i (Σ w)_i / wᵀ Σ w of the variance.
 *
 * They are those that minimise ½ yᵀ Σ y − Σ log y_i, scaled to 1; cyclical coordinate descent solves each coordinate's
 * quadratic equation in turn. Where a weight is above `cap`, the nearest weights within the caps are taken, which then
 * do not contribute equally any more.
 *
 * Sources: S. Maillard, T. Roncalli, J. Teïletche, "The Properties of Equally Weighted Risk Contribution Portfolios",
 * Journal of Portfolio Management 36 (2010), 60-70; T. Griveau-Billion, J.-C. Richard, T. Roncalli, "A Fast Algorithm
 * for Computing High-dimensional Risk Parity Portfolios", arXiv:1311.4057 (2013).
 *
 * @throws {InvalidInputError} as `minimumVariance`, and for a variance that is not above 0
 */
export function riskParity(covariance: Matrix, cap = 1): Float64Array {
  const { size } = covariance;
  const y = Float64Array.from({ length: size }, (_, i) => {
    const variance = at(covariance, i, i);
    if (!(variance > 0))
      throw new InvalidInputError(`asset ${i} has a variance of ${variance}, expected one above 0`);
    return 1 / Math.sqrt(variance * size);
  });
  const slopes = covarianceWith(covariance, y);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    let moved = 0;
    for (let i = 0; i < size; i += 1) {
      const variance = at(covariance, i, i);
      const others = slopes[i]! - variance * y[i]!;
      const next = (Math.sqrt(others * others + 4 * variance) - others) / (2 * variance);
      const step = next - y[i]!;
      moved = Math.max(moved, Math.abs(step) / next);
      y[i] = next;
      for (let j = 0; j < size; j += 1) slopes[j] = slopes[j]! + step * at(covariance, j, i);
    }
    if (moved < TOLERANCE) break;
  }
  const total = y.reduce((sum, each) => sum + each, 0);
  const weights = y.map((each) => each / total);
  return weights.every((each) => each <= cap) ? weights : projectToCappedSimplex(weights, cap);
}
