import { gpSampler } from "./samplers/gp.ts";
import { gridSampler } from "./samplers/grid.ts";
import { haltonSampler } from "./samplers/halton.ts";
import { randomSampler } from "./samplers/random.ts";
import type { Observation, Sampler } from "./samplers/sampler.ts";
import { tpeSampler } from "./samplers/tpe.ts";
import { allPoints, hasPoint, nearestPoint, type Point, pointCount, pointKey, type Space } from "./space.ts";

export type { Observation } from "./samplers/sampler.ts";

/** Samplers by the name a spec calls them by. */
export const SAMPLERS = {
  grid: gridSampler,
  random: randomSampler,
  halton: haltonSampler,
  tpe: tpeSampler,
  gp: gpSampler,
} as const satisfies Record<string, Sampler>;

export type SamplerName = keyof typeof SAMPLERS;

export interface Question {
  readonly sampler: SamplerName;
  readonly seed: number;
  /**
   * Results that all who ask agree on, those of earlier generations: in any order. Numbers below 0 are results of
   * earlier studies. Points outside the space are left out of account.
   */
  readonly history: readonly Observation[];
  /** What trials 0, 1, … try before the sampler has its say: the incumbent, the defaults. Moved into the space. */
  readonly starts?: readonly Readonly<Record<string, unknown>>[];
}

/**
 * The points of some trials. They depend on the arguments alone, and the point of a number does not depend on which
 * other numbers are asked for: trials below it that are not in the history are suggested too, and avoided. So workers
 * that know the same committed results plan the same trials, and no point of a study comes twice. (A-OPT-6, A-OPT-7)
 *
 * The cost is that of every trial up to the largest number that the history lacks: ask for a generation at once.
 *
 * @param numbers trials, from 0
 * @returns one point a number, undefined where every point of the space was tried
 * @throws {InvalidInputError} when the sampler cannot work on the space: a grid of floats without steps
 */
export function suggestMany(
  space: Space,
  { sampler, seed, history, starts = [] }: Question,
  numbers: readonly number[],
): (Point | undefined)[] {
  const known = new Map(history.toSorted(byNumber).map((each) => [each.number, each]));
  const observations = [...known.values()].filter(({ point }) => hasPoint(space, point));
  const study = { space, seed, observations };
  const ask = SAMPLERS[sampler](study);
  const askAnything = randomSampler(study);
  const first = distinct(starts.map((each) => nearestPoint(space, each)));
  const taken = new Set(observations.map(({ point }) => pointKey(point)));
  const pending: Point[] = [];
  const suggestions = new Map<number, Point>();
  const size = pointCount(space);
  for (let number = 0; number <= Math.max(-1, ...numbers) && taken.size < size; number += 1) {
    if (known.has(number)) continue;
    const turn = { number, index: number - first.length, pending };
    const point =
      firstFree([first[number]], taken) ??
      firstFree(ask(turn), taken) ??
      firstFree(askAnything(turn), taken) ??
      firstFree(allPoints(space), taken);
    if (point === undefined) break;
    taken.add(pointKey(point));
    pending.push(point);
    suggestions.set(number, point);
  }
  return numbers.map((number) => suggestions.get(number) ?? known.get(number)?.point);
}

/** The point of one trial: `suggestMany` for one number. */
export function suggest(space: Space, { number, ...question }: Question & { readonly number: number }) {
  return suggestMany(space, question, [number])[0];
}

function firstFree(points: Iterable<Point | undefined>, taken: ReadonlySet<string>): Point | undefined {
  for (const point of points) if (point !== undefined && !taken.has(pointKey(point))) return point;
  return undefined;
}

function distinct(points: readonly Point[]): Point[] {
  return [...new Map(points.map((point) => [pointKey(point), point])).values()];
}

function byNumber(a: Observation, b: Observation): number {
  return a.number - b.number;
}
