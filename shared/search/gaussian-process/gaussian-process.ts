import { factorise } from "../../forecasting/solve-positive.ts";
import { solveLower, solveUpper } from "./cholesky.ts";
import { type LogParameters, matern52 } from "./kernel.ts";

/** Added to the diagonal, relative to s², where rounding makes a matrix indefinite: each in turn. */
const JITTERS = [1e-10, 1e-8, 1e-6, 1e-4, 1e-2];
const LOG_2_PI = Math.log(2 * Math.PI);

/** Noisy values of an unknown function at some places. */
export interface Observed {
  /** [n][columns], as `featuresOf`; may repeat */
  readonly features: readonly Float64Array[];
  /** [columns]: the length scale of each */
  readonly dimensions: readonly number[];
  /** [n], about mean 0 and variance 1 */
  readonly values: Float64Array;
}

/**
 * A Gaussian process given what was observed.
 *
 *     mean(x) = kᵀ α,   var(x) = s² − |L⁻¹ k|²,   L Lᵀ = K + σ² I,   α = L⁻ᵀ L⁻¹ y
 *
 * with the Matérn 5/2 kernel.
 *
 * Source: C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning" (2006), algorithm 2.1.
 */
export class GaussianProcess {
  readonly parameters: LogParameters;
  readonly logLikelihood: number;
  readonly #observed: Observed;
  readonly #weights: Float64Array; // [columns]: 1 / ℓ²
  readonly #variance: number;
  readonly #lower: Float64Array; // L
  readonly #alpha: Float64Array;

  constructor(observed: Observed, parameters: LogParameters) {
    const n = observed.values.length;
    this.parameters = parameters;
    this.#observed = observed;
    this.#weights = Float64Array.from(observed.dimensions, (j) => Math.exp(-2 * parameters.lengths[j]!));
    this.#variance = Math.exp(parameters.variance);
    this.#lower = this.#factor();
    this.#alpha = observed.values.slice();
    solveLower(this.#lower, this.#alpha, n);
    let logLikelihood = -0.5 * n * LOG_2_PI;
    for (let i = 0; i < n; i += 1)
      logLikelihood -= 0.5 * this.#alpha[i]! ** 2 + Math.log(this.#lower[i * n + i]!);
    this.logLikelihood = logLikelihood;
    solveUpper(this.#lower, this.#alpha, n);
  }

  /** Of the function without its noise. */
  predict(features: Float64Array): { readonly mean: number; readonly std: number } {
    const known = this.#observed.features;
    const n = known.length;
    const k = new Float64Array(n);
    let mean = 0;
    for (let i = 0; i < n; i += 1) {
      k[i] = this.#covariance(features, known[i]!, this.#weights);
      mean += k[i]! * this.#alpha[i]!;
    }
    solveLower(this.#lower, k, n);
    let explained = 0;
    for (let i = 0; i < n; i += 1) explained += k[i]! * k[i]!;
    return { mean, std: Math.sqrt(Math.max(0, this.#variance - explained)) };
  }

  /** The process if each of these places had given what it expects there: known no better, but not looked at again. */
  believing(features: readonly Float64Array[]): GaussianProcess {
    if (features.length === 0) return this;
    const { values, ...observed } = this.#observed;
    const expected = features.map((each) => this.predict(each).mean);
    return new GaussianProcess(
      {
        ...observed,
        features: [...observed.features, ...features],
        values: Float64Array.from([...values, ...expected]),
      },
      this.parameters,
    );
  }

  #covariance(a: Float64Array, b: Float64Array, weights: Float64Array): number {
    let squared = 0;
    for (let c = 0; c < weights.length; c += 1) squared += (a[c]! - b[c]!) ** 2 * weights[c]!;
    return matern52(this.#variance, squared);
  }

  #factor(): Float64Array {
    const { features } = this.#observed;
    const n = features.length;
    const weights = this.#weights;
    const covariances = new Float64Array(n * n);
    for (let i = 0; i < n; i += 1)
      for (let j = 0; j <= i; j += 1)
        covariances[i * n + j] = this.#covariance(features[i]!, features[j]!, weights);
    const noise = Math.exp(this.parameters.noise);
    for (const jitter of JITTERS) {
      const lower = covariances.slice();
      for (let i = 0; i < n; i += 1) lower[i * n + i]! += noise + jitter * this.#variance;
      if (factorise(lower, n)) return lower;
    }
    throw new Error("a covariance matrix is not positive definite: a place or a parameter is no number");
  }
}
