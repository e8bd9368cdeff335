import { InvalidInputError } from "../../errors.ts";

/** A square matrix, row by row. */
export interface Matrix {
  readonly size: number;
  /** [size · size], row-major */
  readonly values: Float64Array;
}

export type ShrinkageTarget = "none" | "identity" | "constant-correlation";

export interface Covariance extends Matrix {
  /** share of the target in it, 0 … 1 */
  readonly shrinkage: number;
}

/**
 * Covariance of returns per bar, (1 − δ) S + δ F, from the sample covariance S (over n, not n − 1) and a target F. The
 * weight δ minimises the expected squared distance to the true covariance.
 *
 *     identity               F = the mean variance on the diagonal, nothing beside it
 *     constant-correlation   F = variances of S, the mean correlation of S between all pairs
 *
 * Sources: O. Ledoit, M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
 * Multivariate Analysis 88 (2004), 365-411; the same, "Honey, I Shrunk the Sample Covariance Matrix", Journal of
 * Portfolio Management 30 (2004), 110-119, appendices A and B.
 *
 * @param returns per asset its returns on the same bars, equally many; a bar in which one is NaN is left out for all
 * @throws {InvalidInputError} for no asset, lengths that differ, fewer than 2 whole bars, and an asset whose return
 *   never changes: weights by risk would put everything into it
 */
export function covarianceOf(returns: readonly Float64Array[], target: ShrinkageTarget): Covariance {
  const rows = centred(wholeBars(returns));
  const sample = sampleCovariance(rows);
  if (target === "none" || rows.length < 2) return { ...sample, shrinkage: 0 };
  const towards = target === "identity" ? identityTarget(sample) : constantCorrelationTarget(sample);
  const distance = sample.values.reduce((sum, each, i) => sum + (each - towards.values[i]!) ** 2, 0);
  const estimates = estimateNoise(rows, sample);
  const noise = sum(estimates) - (target === "identity" ? 0 : targetNoise(rows, sample, estimates));
  const count = rows[0]!.length;
  const shrinkage = distance === 0 ? 1 : Math.min(1, Math.max(0, noise / count / distance));
  const values = sample.values.map((each, i) => (1 - shrinkage) * each + shrinkage * towards.values[i]!);
  return { size: sample.size, values, shrinkage };
}

function wholeBars(returns: readonly Float64Array[]): Float64Array[] {
  const [first] = returns;
  if (first === undefined) throw new InvalidInputError("a portfolio of no assets has no covariance");
  const odd = returns.findIndex(({ length }) => length !== first.length);
  if (odd >= 0)
    throw new InvalidInputError(
      `asset ${odd} has ${returns[odd]!.length} returns, expected ${first.length}, as asset 0`,
    );
  const whole = [...first.keys()].filter((t) => returns.every((row) => Number.isFinite(row[t]!)));
  if (whole.length < 2)
    throw new InvalidInputError(`${whole.length} bars have a return of every asset, expected at least 2`);
  return returns.map((row) => Float64Array.from(whole, (t) => row[t]!));
}

function centred(rows: readonly Float64Array[]): Float64Array[] {
  return rows.map((row, i) => {
    if (row.every((each) => each === row[0]))
      throw new InvalidInputError(
        `asset ${i} has a return of ${row[0]} in every bar, expected returns that vary`,
      );
    const mean = sum(row) / row.length;
    return row.map((each) => each - mean);
  });
}

function sampleCovariance(rows: readonly Float64Array[]): Matrix {
  return symmetric(rows.length, (i, j) => meanProduct(rows[i]!, rows[j]!));
}

function identityTarget(sample: Matrix): Matrix {
  let trace = 0;
  for (let i = 0; i < sample.size; i += 1) trace += at(sample, i, i);
  return symmetric(sample.size, (i, j) => (i === j ? trace / sample.size : 0));
}

function constantCorrelationTarget(sample: Matrix): Matrix {
  const correlation = meanCorrelation(sample);
  return symmetric(sample.size, (i, j) =>
    i === j ? at(sample, i, i) : correlation * Math.sqrt(at(sample, i, i) * at(sample, j, j)),
  );
}

function meanCorrelation(sample: Matrix): number {
  let total = 0;
  for (let i = 0; i < sample.size; i += 1)
    for (let j = 0; j < i; j += 1) total += at(sample, i, j) / Math.sqrt(at(sample, i, i) * at(sample, j, j));
  return total / ((sample.size * (sample.size - 1)) / 2);
}

/** π̂: asymptotic variances of √n times each entry of the sample covariance. */
function estimateNoise(rows: readonly Float64Array[], sample: Matrix): Float64Array {
  return symmetric(sample.size, (i, j) => {
    const [a, b] = [rows[i]!, rows[j]!];
    const covariance = at(sample, i, j);
    return a.reduce((total, each, t) => total + (each * b[t]! - covariance) ** 2, 0) / a.length;
  }).values;
}

/** ρ̂: asymptotic covariances of the target's entries with those of the sample covariance, summed. */
function targetNoise(rows: readonly Float64Array[], sample: Matrix, noise: Float64Array): number {
  const correlation = meanCorrelation(sample);
  /** ϑ̂ of variance i with the covariance of i and j */
  const shared = (i: number, j: number) => {
    const [a, b] = [rows[i]!, rows[j]!];
    const [variance, covariance] = [at(sample, i, i), at(sample, i, j)];
    return a.reduce((total, x, t) => total + (x * x - variance) * (x * b[t]! - covariance), 0) / a.length;
  };
  let total = 0;
  for (let i = 0; i < sample.size; i += 1) {
    total += noise[i * sample.size + i]!;
    for (let j = 0; j < sample.size; j += 1) {
      if (j === i) continue;
      const spread = Math.sqrt(at(sample, j, j) / at(sample, i, i));
      total += (correlation / 2) * (spread * shared(i, j) + shared(j, i) / spread);
    }
  }
  return total;
}

/** Entry of row i, column j. */
export function at({ size, values }: Matrix, i: number, j: number): number {
  return values[i * size + j]!;
}

/** The symmetric matrix with the given entries, asked for with j ≤ i. */
export function symmetric(size: number, entry: (i: number, j: number) => number): Matrix {
  const values = new Float64Array(size * size);
  for (let i = 0; i < size; i += 1)
    for (let j = 0; j <= i; j += 1) values[i * size + j] = values[j * size + i] = entry(i, j);
  return { size, values };
}

/** Σ w: the covariance of each asset with the portfolio. */
export function covarianceWith(covariance: Matrix, weights: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: covariance.size }, (_, i) => {
    let total = 0;
    for (let j = 0; j < covariance.size; j += 1) total += at(covariance, i, j) * weights[j]!;
    return total;
  });
}

/** wᵀ Σ w: the portfolio's variance a bar. */
export function varianceOf(covariance: Matrix, weights: ArrayLike<number>): number {
  return covarianceWith(covariance, weights).reduce((total, each, i) => total + each * weights[i]!, 0);
}

function meanProduct(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, each, t) => total + each * b[t]!, 0) / a.length;
}

function sum(values: Float64Array): number {
  return values.reduce((total, each) => total + each, 0);
}
