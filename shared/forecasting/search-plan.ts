import type { SearchSpec } from "../contracts/spec.ts";
import { InvalidInputError } from "../errors.ts";
import { type Observation, type SamplerName, suggestMany } from "../search/sampler.ts";
import { defaultPoint, nearestPoint, type Point, pointCount, type Space } from "../search/space.ts";
import { randomKey } from "./random.ts";
import { cheaperHalf, type FamilySpace, type SearchedFamily, searchSpace } from "./search-space.ts";

/** A trial table of more rows, those of the fallback included, would not fit into one message of 1 MB. */
export const MAX_TRIALS = 1_000;

const FALLBACK_STREAM = 1;

/** All that the points of a search follow from, besides results. */
export interface SearchPlan extends FamilySpace {
  readonly sampler: SamplerName;
  readonly seed: number;
  /** trials in all */
  readonly size: number;
  /** trials that are planned at once, from the results of all before them */
  readonly generation: number;
  /** tried first, in this order */
  readonly starts: readonly Point[];
}

/**
 * The plan of a search. Samplers that learn nothing from results have all their trials in one generation. All but the
 * grid begin with the incumbent, if there is one, and the defaults. (A-OPT-1, A-OPT-6)
 *
 * @param options.incumbent values by dimension, as `valuesOf`
 * @param options.adapt     makes a space smaller, so that it fits the machine
 * @throws {InvalidInputError} as `searchSpace`, for more than 1,000 points, and for a grid of floats without steps
 */
export function planSearch(
  search: Pick<SearchSpec, "sampler" | "space" | "trials" | "seed" | "generation">,
  families: readonly SearchedFamily[],
  options: {
    readonly incumbent?: Readonly<Record<string, unknown>> | undefined;
    readonly adapt?: ((space: Space) => Space) | undefined;
  } = {},
): SearchPlan {
  const { incumbent, adapt = (whole) => whole } = options;
  const described = searchSpace(search.space, families);
  const space = { ...described, space: adapt(described.space) };
  const { sampler, seed } = search;
  const points = pointCount(space.space);
  if (sampler === "grid" && points === Number.POSITIVE_INFINITY)
    throw new InvalidInputError(
      "search.sampler: grid needs values or a step for each range of search.space: add them, or use another sampler",
    );
  const size = sampler === "grid" ? points : Math.min(search.trials, points);
  if (size > MAX_TRIALS) {
    const advice =
      sampler === "grid" ? "search.sampler: random or a smaller search.space" : "fewer search.trials";
    throw new InvalidInputError(
      `the search has ${size} points, at most ${MAX_TRIALS} are possible: use ${advice}`,
    );
  }
  const learns = sampler === "tpe" || sampler === "gp";
  const starts =
    sampler === "grid"
      ? []
      : [
          ...(incumbent === undefined ? [] : [nearestPoint(space.space, incumbent)]),
          defaultPoint(space.space),
        ];
  return { ...space, sampler, seed, size, generation: learns ? search.generation : size, starts };
}

/**
 * The points of the next generation, numbered on from those before it. The same plan and results give the same points,
 * whoever asks. (A-OPT-7)
 *
 * @param history results of all trials of earlier generations
 * @returns empty once all trials are planned
 */
export function nextGeneration(plan: SearchPlan, history: readonly Observation[]): Point[] {
  const { space, sampler, seed, size, generation, starts } = plan;
  const count = Math.min(generation, size - history.length);
  const numbers = Array.from({ length: Math.max(0, count) }, (_, i) => history.length + i);
  return known(suggestMany(space, { sampler, seed, history, starts }, numbers));
}

/**
 * Points of the search after a time-out or lack of memory: `trials` drawn from the cheaper half of the space, without
 * those in `tried`, as many as fit into one table with them. Empty where all of them were tried. (A-OPT-3, A-OPT-4)
 */
export function planFallback(
  { space, seed }: Pick<SearchPlan, "space" | "seed">,
  trials: number,
  tried: readonly Point[],
): Point[] {
  const count = Math.min(trials, Math.max(0, MAX_TRIALS - tried.length));
  const history = tried.map((point, i) => ({ number: -1 - i, point, objective: null }));
  const numbers = Array.from({ length: count }, (_, i) => i);
  const question = { sampler: "random", seed: randomKey(seed, FALLBACK_STREAM), history } as const;
  return known(suggestMany(cheaperHalf(space), question, numbers));
}

function known(points: readonly (Point | undefined)[]): Point[] {
  return points.filter((point) => point !== undefined);
}
