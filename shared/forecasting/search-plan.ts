import type { Hyperparameters } from "../contracts/live-config.ts";
import type { SearchSpace, SearchSpec } from "../contracts/spec.ts";
import { InvalidInputError } from "../errors.ts";
import { uniform } from "./random.ts";

/** A trial table of more rows, those of the fallback included, would not fit into one message of 1 MB. */
export const MAX_TRIALS = 1_000;

const SEARCH_STREAM = 0;
const FALLBACK_STREAM = 1;

/** The full cross product, context lengths outermost. Values named twice count once. */
export function gridPoints({ context_length, num_samples, temperature }: SearchSpace): Hyperparameters[] {
  const points: Hyperparameters[] = [];
  for (const context of new Set(context_length))
    for (const samples of new Set(num_samples))
      for (const each of new Set(temperature))
        points.push({ context_length: context, num_samples: samples, temperature: each });
  return points;
}

/**
 * Points of the first search, in order of trial numbers: the whole grid, or `trials` of its points drawn without
 * replacement. The same spec gives the same points. (A-OPT-1)
 *
 * @throws {InvalidInputError} for more than 1,000 points
 */
export function planSearch(
  search: Pick<SearchSpec, "sampler" | "space" | "trials" | "seed">,
): Hyperparameters[] {
  const grid = gridPoints(search.space);
  const points = search.sampler === "grid" ? grid : draw(grid, search.trials, search.seed, SEARCH_STREAM);
  if (points.length <= MAX_TRIALS) return points;
  const advice =
    search.sampler === "grid" ? "search.sampler: random or a smaller search.space" : "fewer search.trials";
  throw new InvalidInputError(
    `the search has ${points.length} points, at most ${MAX_TRIALS} are possible: use ${advice}`,
  );
}

/**
 * Points of the search after a time-out or lack of memory: `fallback.trials` drawn from the cheaper half of the space,
 * without those in `tried`, as many as fit into one table with them. Empty where all of them were tried. (A-OPT-3,
 * A-OPT-4)
 */
export function planFallback(
  search: Pick<SearchSpec, "space" | "fallback" | "seed">,
  tried: readonly Hyperparameters[],
): Hyperparameters[] {
  const known = new Set(tried.map(pointKey));
  const left = gridPoints(cheaperHalf(search.space)).filter((point) => !known.has(pointKey(point)));
  const room = Math.max(0, MAX_TRIALS - tried.length);
  return draw(left, Math.min(search.fallback.trials, room), search.seed, FALLBACK_STREAM);
}

/** The smaller half, rounded up, of the context lengths and of the sample counts: what costs time and memory. */
export function cheaperHalf(space: SearchSpace): SearchSpace {
  return {
    ...space,
    context_length: smallerHalf(space.context_length),
    num_samples: smallerHalf(space.num_samples),
  };
}

function smallerHalf(values: readonly number[]): number[] {
  const ascending = [...new Set(values)].sort((a, b) => a - b);
  return ascending.slice(0, Math.ceil(ascending.length / 2));
}

export function pointKey({ context_length, num_samples, temperature }: Hyperparameters): string {
  return `${context_length}/${num_samples}/${temperature}`;
}

/** Up to `count` of the points without replacement, in random order (Fisher and Yates' shuffle, cut short). */
function draw<T>(points: readonly T[], count: number, seed: number, stream: number): T[] {
  const pool = [...points];
  const size = Math.min(count, pool.length);
  for (let i = 0; i < size; i += 1) {
    const j = i + Math.floor(uniform(seed, stream, i) * (pool.length - i));
    [pool[i], pool[j]] = [pool[j]!, pool[i]!];
  }
  return pool.slice(0, size);
}
