import { addRow, type CrossProducts, emptyProducts, ridgeRegression } from "../ridge-regression.ts";

/** y_t = c + A_1 y_{t−1} + … + A_p y_{t−p} + e_t of k series. */
export interface VectorAutoregression {
  readonly k: number;
  readonly lags: number;
  /** [1 + k·lags, k] row-major: c, then A_1ᵀ … A_pᵀ */
  readonly weights: Float64Array;
  /** [k, k] row-major, of e_t */
  readonly covariance: Float64Array;
}

/**
 * Least squares of a vector autoregression, with a ridge on the lags.
 *
 * @param series k series of one length T > lags, finite and of scale about one
 *
 * Source: Lütkepohl, "New introduction to multiple time series analysis" (2005), 3.2; the covariance there divides by
 * T − p − (k p + 1), as here, but at least by half the rows.
 */
export function fitVar(series: readonly Float64Array[], lags: number, ridge: number): VectorAutoregression {
  const k = series.length;
  const inputs = 1 + k * lags;
  const products = emptyProducts(inputs, k);
  const x = new Float64Array(inputs);
  const y = new Float64Array(k);
  const length = series[0]!.length;
  for (let t = lags; t < length; t += 1) {
    fillInputs(x, series, t, lags);
    for (let s = 0; s < k; s += 1) y[s] = series[s]![t]!;
    addRow(products, x, y);
  }
  const weights = ridgeRegression(products, ridge, new Set([0]));
  return { k, lags, weights, covariance: residualCovariance(series, lags, weights, products) };
}

/** 1, then the k values one step before t, then two steps before … */
function fillInputs(x: Float64Array, series: readonly Float64Array[], t: number, lags: number): void {
  x[0] = 1;
  let at = 1;
  for (let lag = 1; lag <= lags; lag += 1) for (const values of series) x[at++] = values[t - lag]!;
}

function predict(x: Float64Array, weights: Float64Array, k: number, out: Float64Array): void {
  out.fill(0);
  for (let i = 0; i < x.length; i += 1) for (let s = 0; s < k; s += 1) out[s]! += x[i]! * weights[i * k + s]!;
}

function residualCovariance(
  series: readonly Float64Array[],
  lags: number,
  weights: Float64Array,
  { inputs, rows }: CrossProducts,
): Float64Array {
  const k = series.length;
  const covariance = new Float64Array(k * k);
  const x = new Float64Array(inputs);
  const predicted = new Float64Array(k);
  for (let t = lags; t < lags + rows; t += 1) {
    fillInputs(x, series, t, lags);
    predict(x, weights, k, predicted);
    for (let a = 0; a < k; a += 1)
      for (let b = 0; b < k; b += 1)
        covariance[a * k + b]! += (series[a]![t]! - predicted[a]!) * (series[b]![t]! - predicted[b]!);
  }
  const freedom = Math.max(rows - inputs, rows / 2);
  return covariance.map((sum) => sum / freedom);
}

/**
 * Iterated forecasts of the k series.
 *
 * @param series what it was fitted to
 * @returns k rows of [horizon]
 */
export function iterate(
  model: VectorAutoregression,
  series: readonly Float64Array[],
  horizon: number,
): Float64Array[] {
  const { k, lags, weights } = model;
  const length = series[0]!.length;
  const paths = series.map((values) => {
    const path = new Float64Array(length + horizon);
    path.set(values);
    return path;
  });
  const x = new Float64Array(1 + k * lags);
  const next = new Float64Array(k);
  for (let t = length; t < length + horizon; t += 1) {
    fillInputs(x, paths, t, lags);
    predict(x, weights, k, next);
    paths.forEach((path, s) => {
      path[t] = next[s]!;
    });
  }
  return paths.map((path) => path.subarray(length));
}

/**
 * Variances of the forecast errors, the diagonals of Σ_{j<h} Ψ_j Σ_e Ψ_jᵀ, where Ψ_0 = I and
 * Ψ_j = Σ_{i≤min(j,p)} A_i Ψ_{j−i}. The uncertainty of the weights themselves is left out.
 *
 * @param cumulated for a model of differences: the errors of the levels, whose weights are Σ_{l≤j} Ψ_l
 * @returns k rows of [horizon]
 */
export function errorVariances(
  model: VectorAutoregression,
  horizon: number,
  cumulated: boolean,
): Float64Array[] {
  const { k, lags, covariance } = model;
  const psi: Float64Array[] = [identity(k)];
  const total = new Float64Array(k * k);
  const sums = new Float64Array(k);
  const variances = Array.from({ length: k }, () => new Float64Array(horizon));
  for (let h = 0; h < horizon; h += 1) {
    const current = psi[h] ?? nextPsi(model, psi, h);
    psi[h] = current;
    if (h > lags) psi[h - lags - 1] = EMPTY;
    for (let i = 0; i < k * k; i += 1) total[i] = cumulated ? total[i]! + current[i]! : current[i]!;
    for (let s = 0; s < k; s += 1) {
      sums[s]! += quadratic(total.subarray(s * k, (s + 1) * k), covariance);
      variances[s]![h] = sums[s]!;
    }
  }
  return variances;
}

const EMPTY = new Float64Array(0);

function nextPsi({ k, lags, weights }: VectorAutoregression, psi: readonly Float64Array[], j: number) {
  const next = new Float64Array(k * k);
  for (let i = 1; i <= Math.min(j, lags); i += 1) {
    const past = psi[j - i]!;
    for (let a = 0; a < k; a += 1)
      for (let m = 0; m < k; m += 1) {
        const weight = weights[(1 + (i - 1) * k + m) * k + a]!;
        for (let b = 0; b < k; b += 1) next[a * k + b]! += weight * past[m * k + b]!;
      }
  }
  return next;
}

function identity(k: number): Float64Array {
  return Float64Array.from({ length: k * k }, (_, i) => (Math.floor(i / k) === i % k ? 1 : 0));
}

/** rowᵀ · matrix · row */
function quadratic(row: Float64Array, matrix: Float64Array): number {
  let sum = 0;
  for (let a = 0; a < row.length; a += 1)
    for (let b = 0; b < row.length; b += 1) sum += row[a]! * matrix[a * row.length + b]! * row[b]!;
  return sum;
}
