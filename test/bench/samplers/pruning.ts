import { PRUNERS, type PrunerName, windowOrder } from "../../../shared/search/pruner.ts";
import { meanLoss } from "../../../shared/search/pruners/window-losses.ts";
import { suggestMany } from "../../../shared/search/sampler.ts";
import { allPoints, type Point } from "../../../shared/search/space.ts";
import { RECORDED_SPACE, type RecordedStudy } from "./recorded.ts";

const CONFIGS = 60;

export interface PruningFigures {
  /** config-windows evaluated, of all searches together */
  readonly spent: number;
  /** means over the searches, in percent: what the chosen config loses to the best of its search, and to the best there is */
  readonly regret: number;
  readonly laterRegret: number;
}

/** Searches of 60 Halton points over each study, windows in an order drawn by the seed, given up on by the pruner. */
export function pruned(pruner: PrunerName, studies: readonly RecordedStudy[], seeds: number): PruningFigures {
  let [spent, regret, laterRegret, searches] = [0, 0, 0, 0];
  for (const study of studies)
    for (let seed = 0; seed < seeds; seed += 1) {
      const numbers = Array.from({ length: CONFIGS }, (_, i) => i);
      const points = suggestMany(
        RECORDED_SPACE,
        { sampler: "halton", seed, history: [] },
        numbers,
      ) as Point[];
      const search = prune(pruner, points.map(study.searched), seed);
      const chosen = points[search.chosen]!;
      spent += search.spent;
      regret += excess(chosen, points, study.searched);
      laterRegret += excess(chosen, points, study.later);
      searches += 1;
    }
  return { spent, regret: regret / searches, laterRegret: laterRegret / searches };
}

function prune(pruner: PrunerName, losses: readonly (readonly number[])[], seed: number) {
  const windows = losses[0]!.length;
  const order = windowOrder(windows, seed);
  const shuffled = losses.map((each) => order.map((w) => each[w]!));
  let running = [...losses.keys()];
  let spent = 0;
  let before = 0;
  for (const size of PRUNERS[pruner].rungs(windows)) {
    spent += running.length * (size - before);
    before = size;
    if (size === windows) break;
    const contenders = running.map((number) => ({ number, losses: shuffled[number]!.slice(0, size) }));
    const dropped = new Set(PRUNERS[pruner].drop(contenders, []).map(({ number }) => number));
    running = running.filter((number) => !dropped.has(number));
  }
  const chosen = running.reduce((a, b) => (meanLoss(losses[b]!) < meanLoss(losses[a]!) ? b : a));
  return { spent, chosen };
}

/** In percent of the least mean loss. */
function excess(chosen: Point, among: Iterable<Point>, losses: (point: Point) => readonly number[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const point of among) least = Math.min(least, meanLoss(losses(point)));
  return 100 * (meanLoss(losses(chosen)) / least - 1);
}

/** The points of the recorded space, as something that can be gone through again and again. */
export const EVERY_POINT: readonly Point[] = [...allPoints(RECORDED_SPACE)];
