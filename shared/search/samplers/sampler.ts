import type { Point, Space } from "../space.ts";

/** What came of one trial. */
export interface Observation {
  readonly number: number;
  readonly point: Point;
  /** less is better; null, NaN and infinities for a trial that failed, which counts as the worst there is */
  readonly objective: number | null;
}

/** What a sampler may know. */
export interface Study {
  readonly space: Space;
  readonly seed: number;
  /** by number, ascending; every point lies in the space */
  readonly observations: readonly Observation[];
}

export interface Turn {
  /** of the trial */
  readonly number: number;
  /** of the trial among those that the sampler decides on; below 0 for one that had a start which was tried before */
  readonly index: number;
  /** trials before this one whose results are not known yet */
  readonly pending: readonly Point[];
}

/**
 * A way to search. What it learns from the observations it learns once, for all trials of a generation. It offers points
 * in the order of its preference; the first that was not tried before is taken. Points depend on the arguments alone.
 */
export type Sampler = (study: Study) => (turn: Turn) => Iterable<Point>;
