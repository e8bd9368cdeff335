import { randomKey } from "../../forecasting/random.ts";
import { placeOf } from "../space.ts";
import { STREAMS } from "../streams.ts";
import { haltonSampler } from "./halton.ts";
import { isFiniteObservation, rankObservations } from "./objectives.ts";
import { ParzenMixture } from "./parzen-mixture.ts";
import type { Sampler } from "./sampler.ts";

const STARTS = 10;
const GOOD_SHARE = 0.1;
const MOST_GOOD = 25;
const DRAWS = 48;

/**
 * Tree-structured Parzen estimator, multivariate: draws 48 points from the density l of the good trials and prefers
 * those with the largest l / g, where g is the density of all others. Good are the best ⌈0.1 n⌉ of n trials, at most
 * 25; failed and pending trials never are. Begins with 10 points of a Halton sequence.
 *
 * Source: J. Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS (2011), section 4; one kernel for
 * all dimensions of a trial after S. Falkner et al., "BOHB", ICML (2018), section 3.2.
 */
export const tpeSampler: Sampler = (study) => {
  const { space, seed, observations } = study;
  if (observations.length < STARTS || !observations.some(isFiniteObservation)) return haltonSampler(study);
  const ranked = rankObservations(observations);
  const finite = ranked.filter(isFiniteObservation).length;
  const count = Math.min(Math.ceil(GOOD_SHARE * ranked.length), MOST_GOOD, finite);
  const places = ranked.map(({ point }) => placeOf(space, point));
  const good = new ParzenMixture(space, places.slice(0, count));
  return ({ number, pending }) => {
    const bad = new ParzenMixture(space, [
      ...places.slice(count),
      ...pending.map((point) => placeOf(space, point)),
    ]);
    const scored = Array.from({ length: DRAWS }, (_, draw) => {
      const point = good.draw(randomKey(seed, STREAMS.tpe, number, draw));
      const place = placeOf(space, point);
      return { point, score: good.logDensity(place) - bad.logDensity(place) };
    });
    return scored.sort((a, b) => b.score - a.score).map(({ point }) => point);
  };
};
