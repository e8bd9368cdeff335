/** Means and variances of a forecast, [horizon] each. */
export interface Moments {
  readonly means: Float64Array;
  readonly variances: Float64Array;
}

/** How often a series is differenced before it is noise. */
export interface Differences {
  /** times 1 − B */
  readonly d: number;
  /** times 1 − B^seasonLength */
  readonly D: number;
  /** steps, 1 for none */
  readonly seasonLength: number;
}

/**
 * ARIMA(0, d, 0)(0, D, 0)_m in closed form: noise behind differences,
 *
 *     φ(B) x_t = μ + e_t      φ(B) = (1 − B)^d (1 − B^m)^D      μ = 0 unless d = D = 0
 *
 * A random walk for d = 1, seasonal naive for D = 1. The variance h steps ahead is σ² Σ_{j<h} ψ_j², with ψ the
 * weights of 1 / φ(B) and σ² the mean square of the differenced values.
 *
 * Differences that leave fewer than two values are not taken, the seasonal ones going first.
 *
 * @param values at least one, finite, oldest first
 */
export function integratedNoise(values: Float64Array, horizon: number, differences: Differences): Moments {
  const phi = differencing(differences, values.length - 2);
  const order = phi.length - 1;
  const mean = order === 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
  let squares = 0;
  for (let t = order; t < values.length; t += 1) squares += (filtered(phi, values, t) - mean) ** 2;
  const sigma2 = squares / (values.length - order);

  const path = new Float64Array(values.length + horizon);
  path.set(values);
  const psi = new Float64Array(order + horizon);
  const variances = new Float64Array(horizon);
  let sum = 0;
  for (let h = 0; h < horizon; h += 1) {
    path[values.length + h] = mean - filtered(phi, path, values.length + h);
    psi[order + h] = h === 0 ? 1 : -filtered(phi, psi, order + h);
    sum += psi[order + h]! ** 2;
    variances[h] = sigma2 * sum;
  }
  return { means: path.subarray(values.length), variances };
}

/** Coefficients of φ, φ_0 = 1, of at most degree `longest`. */
function differencing({ d, D, seasonLength }: Differences, longest: number): number[] {
  let phi = [1];
  const factors = [...Array<number>(d).fill(1), ...Array<number>(D).fill(Math.max(1, seasonLength))];
  for (const lag of factors) {
    if (phi.length - 1 + lag > longest) continue;
    phi = Array.from({ length: phi.length + lag }, (_, k) => (phi[k] ?? 0) - (phi[k - lag] ?? 0));
  }
  return phi;
}

/** Σ_k φ_k x_{t−k}, where x_t itself counts as it stands. */
function filtered(phi: readonly number[], values: Float64Array, t: number): number {
  let sum = 0;
  for (let k = 0; k < phi.length; k += 1) sum += phi[k]! * values[t - k]!;
  return sum;
}
