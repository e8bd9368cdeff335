import { type Observation, type SamplerName, suggest, suggestMany } from "../../../shared/search/sampler.ts";
import { tuningLike4 } from "../../../shared/search/test-functions.fixture.ts";
import { quantile } from "../result.ts";

const REPEATS = 15;
const { space, value } = tuningLike4;

/** Results of so many trials of a tuning-like function: two logarithmic scales, an integer, a choice. */
export function pastTrials(trials: number): Observation[] {
  const numbers = Array.from({ length: trials }, (_, number) => number);
  const points = suggestMany(space, { sampler: "random", seed: 1, history: [] }, numbers);
  return numbers.map((number) => ({ number, point: points[number]!, objective: value(points[number]!) }));
}

/** Median time of one suggestion after so many trials, in ms. */
export function suggestMs(sampler: SamplerName, history: readonly Observation[]): number {
  const times = Array.from({ length: REPEATS }, (_, seed) => {
    const startedAt = performance.now();
    suggest(space, { sampler, seed, number: history.length, history });
    return performance.now() - startedAt;
  });
  return quantile(times, 0.5);
}
