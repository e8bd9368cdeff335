import { randomKey, uniformAt } from "../../forecasting/random.ts";
import { type Point, pointAt } from "../space.ts";
import { STREAMS } from "../streams.ts";
import type { Sampler } from "./sampler.ts";

/** Draws for one trial. A finite space of which most was tried may need more; they are then found by counting. */
const DRAWS = 64;

/** Independent draws, uniform in the unit cube. */
export const randomSampler: Sampler = ({ space, seed }) =>
  function* ({ number }): Iterable<Point> {
    for (let draw = 0; draw < DRAWS; draw += 1) {
      const key = randomKey(seed, STREAMS.random, number, draw);
      yield pointAt(
        space,
        space.dimensions.map((_, i) => uniformAt(key, i)),
      );
    }
  };
