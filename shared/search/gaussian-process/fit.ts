import { normalQuantile } from "../../forecasting/normal.ts";
import { uniformAt } from "../../forecasting/random.ts";
import { GaussianProcess, type Observed } from "./gaussian-process.ts";
import type { LogParameters } from "./kernel.ts";

/** Normal laws of the logarithms: [mean, standard deviation]. */
const PRIORS = {
  length: [Math.log(0.5), 0.8],
  variance: [0, 1],
  noise: [Math.log(1e-3), 2.5],
} as const;

const STEPS = 60;

/**
 * The parameters that are most probable given what was observed: maximum of log likelihood + log prior, found by
 * random steps from the prior's mean that grow after a success and shrink after a failure.
 *
 *     log ℓ_j ~ N(log 0.5, 0.8²)    log s² ~ N(0, 1)    log σ² ~ N(log 0.001, 2.5²)
 *
 * @param dimensions of the space
 * @param key        of the random numbers
 */
export function fitParameters(observed: Observed, dimensions: number, key: number): LogParameters {
  const d = dimensions;
  let at = Float64Array.from({ length: d + 2 }, (_, i) => prior(i, d)[0]);
  const logDensity = (of: Float64Array) =>
    new GaussianProcess(observed, unpack(of)).logLikelihood + logPrior(of);
  let density = logDensity(at);
  let scale = 0.5;
  for (let step = 0; step < STEPS; step += 1) {
    const moved = at.map((value, i) => {
      const z = normalQuantile(uniformAt(key, step * (d + 2) + i));
      return value + scale * prior(i, d)[1] * z;
    });
    const itsDensity = logDensity(moved);
    if (itsDensity > density) {
      [at, density] = [moved, itsDensity];
      scale = Math.min(1, scale * 1.5);
    } else scale = Math.max(0.02, scale * 0.9);
  }
  return unpack(at);
}

function unpack(at: Float64Array): LogParameters {
  return { lengths: at.subarray(0, -2), variance: at.at(-2)!, noise: at.at(-1)! };
}

function prior(i: number, d: number): readonly [mean: number, std: number] {
  if (i < d) return PRIORS.length;
  return i === d ? PRIORS.variance : PRIORS.noise;
}

function logPrior(at: Float64Array): number {
  let log = 0;
  at.forEach((value, i) => {
    const [mean, std] = prior(i, at.length - 2);
    log -= 0.5 * ((value - mean) / std) ** 2;
  });
  return log;
}
