import { studentTQuantile } from "../../statistics/student-t.ts";
import { type Contender, type Dropped, failed, isFailed, type Pruner } from "./pruner.ts";
import { meanLoss, pairedDifference } from "./window-losses.ts";

const FIRST_LOOK = 8;
const LOOK_EVERY = 4;
const CONFIDENCE = 0.975;

/**
 * Racing: after 8 windows and then after every 4, drops each trial whose losses lie significantly above the leader's.
 *
 *     t = mean(d) / (std(d) / √n) > t_.975 with n − 1 degrees of freedom,   d = its loss − the leader's, by window
 *
 * The leader has the least mean loss, the lower number where they are equal. A trial that loses by the same on every
 * window is dropped, one that equals the leader goes on. The many looks are not corrected for: dropping a good trial
 * now and then costs less than carrying all of them. Objectives that are no means of losses must grow with one (RMSE:
 * squared errors).
 *
 * Source: O. Maron and A. W. Moore, "Hoeffding races", NeurIPS (1993), with a paired t-test as in M. Birattari et al.,
 * "A racing algorithm for configuring metaheuristics", GECCO (2002).
 */
export const racing: Pruner = {
  rungs(windows) {
    const sizes: number[] = [];
    for (let size = FIRST_LOOK; size < windows; size += LOOK_EVERY) sizes.push(size);
    return [...sizes, windows];
  },

  drop(contenders, rivals) {
    const leader = [...contenders, ...rivals].filter((each) => !isFailed(each)).reduce(better, undefined);
    return contenders.flatMap((each): Dropped[] => {
      if (leader === undefined || isFailed(each)) return [failed(each)];
      const { n, mean, standardError } = pairedDifference(each.losses!, leader.losses!);
      if (n < 2 || mean <= 0) return [];
      const t = mean / standardError;
      const limit = studentTQuantile(CONFIDENCE, n - 1);
      if (t <= limit) return [];
      const because = `worse than trial ${leader.number} on ${n} windows: t = ${t.toPrecision(3)} > ${limit.toPrecision(3)}`;
      return [{ number: each.number, because }];
    });
  },
};

function better(best: Contender | undefined, each: Contender): Contender {
  if (best === undefined) return each;
  const [x, y] = [meanLoss(each.losses!), meanLoss(best.losses!)];
  return x < y || (x === y && each.number < best.number) ? each : best;
}
