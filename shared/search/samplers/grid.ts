import { allPoints, type Point } from "../space.ts";
import type { Sampler } from "./sampler.ts";

/** Every point in order, the last dimension fastest. */
export const gridSampler: Sampler = ({ space }) =>
  function* ({ index }): Iterable<Point> {
    // Each turn takes one: the points before this index are starts or were taken by the turns before.
    let position = 0;
    for (const point of allPoints(space)) {
      if (position >= index) yield point;
      position += 1;
    }
  };
