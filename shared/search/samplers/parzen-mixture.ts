import { normalQuantile } from "../../forecasting/normal.ts";
import { uniformAt } from "../../forecasting/random.ts";
import { normalCdf } from "../../statistics/normal-law.ts";
import { isOrdered, valueCount } from "../dimension.ts";
import { type Point, pointAt, type Space } from "../space.ts";

/** Widths are at least 1 / min(100, kernels + 1), so that trials which came close together leave room for others. */
const MOST_KERNELS_APART = 100;

/**
 * A density over a space: the mean of one product kernel per trial, and one wide kernel.
 *
 *     ordered     N(trial, σ²) truncated to the unit interval; σ is the larger distance to the trials next to it in that
 *                 dimension, of the outermost ones that to their only neighbour, from 1 / min(100, kernels + 1) to 1
 *     unordered   (kernels + 1) / (kernels + k) on the trial's own of k values, 1 / (kernels + k) on each other one
 *     absent      uniform, in a dimension that the trial does not have
 *     wide        N(0.5, 1) truncated; uniform over the values of an unordered choice
 *
 * Places are those of the unit cube; a dimension without a value, NaN, costs nothing.
 *
 * Source: J. Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS (2011), section 4.2.
 */
export class ParzenMixture {
  readonly #space: Space;
  /** the means; the kernel after the last is the wide one */
  readonly #places: readonly Float64Array[];
  /** number of values of each unordered dimension, 0 for ordered ones */
  readonly #choices: readonly number[];
  readonly #sigmas: Float64Array; // [kernel, dimension]
  /** [kernel, dimension]: logarithm of a normal kernel's factor in front of the exponential */
  readonly #logFactors: Float64Array;
  readonly #logs: Float64Array; // [kernel], scratch

  constructor(space: Space, places: readonly Float64Array[]) {
    const m = places.length;
    const d = space.dimensions.length;
    this.#space = space;
    this.#places = places;
    this.#choices = space.dimensions.map((each) => (isOrdered(each) ? 0 : valueCount(each)));
    this.#sigmas = new Float64Array(m * d);
    for (let j = 0; j < d; j += 1) this.#fillSigmas(j);
    this.#logFactors = this.#sigmas.map((sigma, at) =>
      logFactor(places[Math.floor(at / d)]![at % d]!, sigma),
    );
    this.#logs = new Float64Array(m + 1);
  }

  draw(key: number): Point {
    const kernels = this.#places.length + 1;
    const kernel = Math.floor(uniformAt(key, 0) * kernels);
    const place = this.#places[kernel];
    return pointAt(
      this.#space,
      this.#choices.map((choices, j) => {
        const u = uniformAt(key, 2 * j + 1);
        const mean = place === undefined ? 0.5 : place[j]!;
        if (Number.isNaN(mean)) return u;
        if (choices > 0) {
          const own = place !== undefined && uniformAt(key, 2 * j + 2) < kernels / (kernels + choices);
          return own ? mean : u;
        }
        const sigma = place === undefined ? 1 : this.#sigmas[kernel * this.#choices.length + j]!;
        const [low, high] = [normalCdf(-mean / sigma), normalCdf((1 - mean) / sigma)];
        return Math.min(1, Math.max(0, mean + sigma * normalQuantile(low + u * (high - low))));
      }),
    );
  }

  logDensity(at: Float64Array): number {
    const logs = this.#logs;
    const m = this.#places.length;
    logs.fill(0);
    for (let j = 0; j < at.length; j += 1) {
      if (Number.isNaN(at[j]!)) continue;
      if (this.#choices[j]! > 0) this.#addChoice(j, at[j]!);
      else this.#addOrdered(j, at[j]!);
    }
    let largest = logs[m]!;
    for (let i = 0; i < m; i += 1) if (logs[i]! > largest) largest = logs[i]!;
    let sum = 0;
    for (let i = 0; i <= m; i += 1) sum += Math.exp(logs[i]! - largest);
    return largest + Math.log(sum / (m + 1));
  }

  #fillSigmas(j: number): void {
    const d = this.#choices.length;
    const known = this.#places
      .map((place, i) => ({ i, x: place[j]! }))
      .filter(({ x }) => !Number.isNaN(x))
      .sort((a, b) => a.x - b.x);
    const least = 1 / Math.min(MOST_KERNELS_APART, known.length + 2);
    known.forEach(({ i, x }, k) => {
      const neighbours = [known[k - 1], known[k + 1]].filter((each) => each !== undefined);
      const distances = neighbours.map((each) => Math.abs(each.x - x));
      const distance = distances.length === 0 ? 1 : Math.max(...distances);
      this.#sigmas[i * d + j] = Math.min(1, Math.max(least, distance));
    });
  }

  #addOrdered(j: number, x: number): void {
    const [places, factors, logs] = [this.#places, this.#logFactors, this.#logs];
    const [sigmas, d] = [this.#sigmas, this.#choices.length];
    for (let i = 0; i < places.length; i += 1) {
      const mean = places[i]![j]!;
      if (Number.isNaN(mean)) continue;
      const z = (x - mean) / sigmas[i * d + j]!;
      logs[i]! += factors[i * d + j]! - 0.5 * z * z;
    }
    logs[places.length]! += WIDE - 0.5 * (x - 0.5) ** 2;
  }

  #addChoice(j: number, x: number): void {
    const [places, logs, choices] = [this.#places, this.#logs, this.#choices[j]!];
    const kernels = places.length + 1;
    const same = Math.log((kernels + 1) / (kernels + choices));
    const other = -Math.log(kernels + choices);
    const any = -Math.log(choices);
    for (let i = 0; i < places.length; i += 1) {
      const mean = places[i]![j]!;
      logs[i]! += Number.isNaN(mean) ? any : mean === x ? same : other;
    }
    logs[places.length]! += any;
  }
}

const WIDE = logFactor(0.5, 1);

/** Of the density at x of N(mean, σ²) truncated to 0 … 1: −log(σ √(2π) P(0 ≤ X ≤ 1)). */
function logFactor(mean: number, sigma: number): number {
  const inside = normalCdf((1 - mean) / sigma) - normalCdf(-mean / sigma);
  return -Math.log(sigma * Math.sqrt(2 * Math.PI) * inside);
}
