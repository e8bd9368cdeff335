import { normalQuantile } from "../../forecasting/normal.ts";
import { randomKey, uniformAt } from "../../forecasting/random.ts";
import { isOrdered, valueCount } from "../dimension.ts";
import { logExpectedImprovement } from "../gaussian-process/expected-improvement.ts";
import { fitParameters } from "../gaussian-process/fit.ts";
import { GaussianProcess } from "../gaussian-process/gaussian-process.ts";
import { featuresOf } from "../gaussian-process/kernel.ts";
import { type Point, placeOf, pointAt, pointKey, type Space } from "../space.ts";
import { STREAMS } from "../streams.ts";
import { haltonSampler } from "./halton.ts";
import { isFiniteObservation, rankObservations, standardisedObjectives } from "./objectives.ts";
import type { Observation, Sampler } from "./sampler.ts";

const STARTS = 8;
/** Time grows with the cube of the observations; parameters are fitted by looking at many processes. */
const MOST_OBSERVATIONS = 200;
const MOST_FITTED = 80;
const CANDIDATES = 400;
const CLIMBING_STEPS = 60;
/** Standard deviations of steps away from a good place, in units of the cube. */
const NEAR = 0.02;
const WIDER = 0.1;
/** Probability that a step changes a dimension. */
const CHANGED = 0.6;
/** Least standard deviation, in widths of a value. */
const LEAST_STEP = 0.75;

/**
 * Bayesian optimisation: fits a Gaussian process to the results and tries the point of the largest expected
 * improvement. That is looked for among 400 points, half of them uniform, half steps away from the best trial, and from
 * the best of these by 60 steps uphill. A step changes each dimension with a probability of 0.6: by a normal draw with a
 * standard deviation of 0.02 or 0.1 of the cube, at least three quarters of the width of a value where there are few,
 * and to any value of an unordered choice.
 *
 *     observations   at most 200, the best 100 and the latest of the others; parameters by 80 of them, chosen likewise
 *     objectives     as `standardisedObjectives`; best is the least mean the process has at a trial, as trials are noisy
 *     pending        taken to give what the process expects of them ("kriging believer")
 *
 * Begins with 8 points of a Halton sequence.
 *
 * Sources: D. R. Jones, M. Schonlau and W. J. Welch, J. Global Optimization 13 (1998), 455–492; pending trials after
 * D. Ginsbourger, R. Le Riche and L. Carraro, "Kriging is well-suited to parallelize optimization" (2010), 4.2.
 */
export const gpSampler: Sampler = (study) => {
  const { space, seed, observations } = study;
  if (observations.length < STARTS || !observations.some(isFiniteObservation)) return haltonSampler(study);
  const features = featuresOf(space);
  const observed = (kept: readonly Observation[]) => ({
    features: kept.map(({ point }) => features.of(point)),
    dimensions: features.dimensions,
    values: standardisedObjectives(kept),
  });
  const parameters = fitParameters(
    observed(keep(observations, MOST_FITTED)),
    space.dimensions.length,
    randomKey(seed, STREAMS.gp, observations.length),
  );
  const kept = keep(observations, MOST_OBSERVATIONS);
  const fitted = new GaussianProcess(observed(kept), parameters);
  return ({ number, pending }) => {
    const process = fitted.believing(pending.map(features.of));
    const expected = (point: Point) => process.predict(features.of(point));
    const tried = [...kept.map(({ point }) => point), ...pending];
    return mostPromising(space, expected, tried, randomKey(seed, STREAMS.gp, number, 1));
  };
};

function keep(observations: readonly Observation[], most: number): readonly Observation[] {
  if (observations.length <= most) return observations;
  const best = new Set(rankObservations(observations).slice(0, most / 2));
  const latest = observations.filter((each) => !best.has(each)).slice(-most / 2);
  return [...best, ...latest];
}

interface Candidate {
  readonly point: Point;
  readonly score: number;
}

function mostPromising(
  space: Space,
  expected: (point: Point) => { readonly mean: number; readonly std: number },
  tried: readonly Point[],
  key: number,
): Point[] {
  const trials = tried.map((point) => ({ point, mean: expected(point).mean }));
  const incumbent = trials.reduce((best, each) => (each.mean < best.mean ? each : best));
  const candidate = (unit: Float64Array): Candidate => {
    const point = pointAt(space, unit);
    const { mean, std } = expected(point);
    return { point, score: logExpectedImprovement(mean, std, incumbent.mean) };
  };
  const start = placeOf(space, incumbent.point);
  const ranked = Array.from({ length: CANDIDATES }, (_, c) => {
    const draw = randomKey(key, c);
    if (c % 2 === 0) return candidate(Float64Array.from(space.dimensions, (_, j) => uniformAt(draw, j)));
    return candidate(stepFrom(space, start, c % 4 === 1 ? NEAR : WIDER, draw));
  }).sort((a, b) => b.score - a.score);

  const known = new Set(tried.map(pointKey));
  let top = ranked.find(({ point }) => !known.has(pointKey(point)));
  for (let step = 0; top !== undefined && step < CLIMBING_STEPS; step += 1) {
    const scale = step % 2 === 0 ? NEAR : WIDER;
    const next = candidate(
      stepFrom(space, placeOf(space, top.point), scale, randomKey(key, CANDIDATES + step)),
    );
    if (next.score > top.score && !known.has(pointKey(next.point))) top = next;
  }
  return [...(top === undefined ? [] : [top]), ...ranked].map(({ point }) => point);
}

function stepFrom(space: Space, place: Float64Array, scale: number, key: number): Float64Array {
  return Float64Array.from(space.dimensions, (dimension, j) => {
    const from = place[j]!;
    const u = uniformAt(key, 2 * j + 1);
    if (Number.isNaN(from)) return u;
    if (uniformAt(key, 2 * j) > CHANGED) return from;
    if (!isOrdered(dimension)) return u;
    const sigma = Math.max(scale, LEAST_STEP / valueCount(dimension));
    return Math.min(1, Math.max(0, from + sigma * normalQuantile(u)));
  });
}
