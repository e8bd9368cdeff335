import { type Contender, type Dropped, failed, isFailed, type Pruner } from "./pruner.ts";
import { meanLoss } from "./window-losses.ts";

/** η: each rung has three times the windows, and a third of the trials. */
const FACTOR = 3;
const RUNGS = 3;
/** A mean of fewer losses says nothing. */
const LEAST_WINDOWS = 3;

/**
 * Successive halving with η = 3: all trials are run on a ninth of the windows, the best third of them on a third, the
 * best third of those on all. Rungs of fewer than 3 windows are left out.
 *
 * The best third of n is ⌈n / 3⌉ by mean loss, the lower number first where they are equal; rivals count among them, so
 * that a generation whose trials are all worse than what is known ends early.
 *
 * Source: K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
 * AISTATS (2016); with rivals as in L. Li et al., "A system for massively parallel hyperparameter tuning", MLSys (2020).
 */
export const halving: Pruner = {
  rungs(windows) {
    const sizes = Array.from({ length: RUNGS }, (_, r) => Math.ceil(windows / FACTOR ** (RUNGS - 1 - r)));
    return sizes.filter((size, r) => r === RUNGS - 1 || (size >= LEAST_WINDOWS && size < windows));
  },

  drop(contenders, rivals) {
    const field = [...contenders, ...rivals];
    const room = Math.ceil(field.length / FACTOR);
    const ranked = field.filter((each) => !isFailed(each)).toSorted(byLoss);
    const kept = new Set(ranked.slice(0, room).map(({ number }) => number));
    return contenders.flatMap((each): Dropped[] => {
      if (isFailed(each)) return [failed(each)];
      if (kept.has(each.number)) return [];
      const place = ranked.findIndex(({ number }) => number === each.number) + 1;
      const because = `place ${place} of ${field.length} on ${each.losses!.length} windows: the best ${room} go on`;
      return [{ number: each.number, because }];
    });
  },
};

function byLoss(a: Contender, b: Contender): number {
  const [x, y] = [meanLoss(a.losses!), meanLoss(b.losses!)];
  return x < y ? -1 : x > y ? 1 : a.number - b.number;
}
