import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import {
  ADWIN_DEFAULTS,
  type AdwinState,
  initialAdwin,
  updateAdwin,
} from "../../../shared/statistics/adwin.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, verdict } from "./result.ts";
import { leading, SAMPLE_TITLES } from "./samples.ts";
import { type Stretch, stretchesOf, stretchFigures } from "./stretch.ts";

/**
 * Did an older part of the stream have another mean than the newer one? ADWIN (see `updateAdwin`) on the stream since
 * the last completed search. Its statistic is the number of cuts in the direction that matters, and one is enough.
 *
 * Cannot tell with fewer than `min_points` values. A constant stream has no cut.
 */
export function adwin(situation: Situation): DetectorResult {
  const params = situation.spec.trigger.adwin;
  return leading(stretchesOf(situation, params).map((stretch) => judged(stretch, params)));
}

function judged(stretch: Stretch, params: TriggerSpec["adwin"]): DetectorResult {
  const { on, window, delta, clock, direction, min_points } = params;
  const base = {
    detector: "adwin",
    threshold: 1,
    figures: { ...stretchFigures(stretch), cuts: null, width: null },
    thresholds: { on, window, delta, clock, direction, min_points },
  } as const;
  const title = SAMPLE_TITLES[on];
  if (stretch.values.length < min_points)
    return insufficient(
      base,
      `${stretch.values.length} ${title} since the last search, ${min_points} are needed`,
    );
  const settings = { ...ADWIN_DEFAULTS, delta, clock };
  let state = initialAdwin();
  let cuts = 0;
  for (const value of stretch.values) {
    const step = updateAdwin(state, value, settings);
    if (step.alarm && (direction === "both" || (direction === "up") === rose(state, step.state))) cuts += 1;
    state = step.state;
  }
  const moved = direction === "both" ? "moved" : direction === "up" ? "risen" : "fallen";
  const reason =
    `the mean of ${title} has ${cuts === 0 ? "not " : ""}${moved}: ${cuts} cuts, the last ${state.width} of ` +
    `${stretch.values.length} values have one mean; it fires at a cut`;
  const figures = { ...base.figures, cuts, width: state.width };
  return verdict({ ...base, figures }, cuts, "medium", reason);
}

/** Leaving older values out raised the mean. */
function rose(before: AdwinState, after: AdwinState): boolean {
  return after.sum / after.width > before.sum / before.width;
}
