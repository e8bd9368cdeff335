import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { initialPageHinkley, updatePageHinkley } from "../../../shared/statistics/page-hinkley.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, severityOf, short, verdict } from "./result.ts";
import { leading, SAMPLE_TITLES } from "./samples.ts";
import { type Stretch, stretchesOf, stretchFigures } from "./stretch.ts";

/**
 * Has the mean begun to wander off? Page–Hinkley test (see `updatePageHinkley`) on the stream since the last completed
 * search, in standard deviations of that stretch. It does not start anew at an alarm: it keeps firing until a search
 * has answered it or the mean has come back.
 *
 * Cannot tell with fewer than `min_points` values. A constant stream has not moved.
 */
export function pageHinkley(situation: Situation): DetectorResult {
  const params = situation.spec.trigger.page_hinkley;
  return leading(stretchesOf(situation, params).map((stretch) => judged(stretch, params)));
}

function judged(stretch: Stretch, params: TriggerSpec["page_hinkley"]): DetectorResult {
  const { on, window, delta, threshold, direction, alpha, min_points } = params;
  const base = {
    detector: "page_hinkley",
    threshold,
    figures: { ...stretchFigures(stretch), statistic: null },
    thresholds: { on, window, delta, threshold, direction, alpha, min_points },
  } as const;
  const title = SAMPLE_TITLES[on];
  if (stretch.values.length < min_points)
    return insufficient(
      base,
      `${stretch.values.length} ${title} since the last search, ${min_points} are needed`,
    );
  const settings = { delta, direction, alpha, threshold: Number.POSITIVE_INFINITY, minInstances: min_points };
  let state = initialPageHinkley();
  let statistic = 0;
  for (const value of stretch.values) ({ state, statistic } = updatePageHinkley(state, value, settings));
  const reason =
    `the sum of ${title} has left its extreme by ${short(statistic)} standard deviations over ` +
    `${stretch.values.length} values; it fires at ${threshold}`;
  const figures = { ...base.figures, statistic };
  return verdict({ ...base, figures }, statistic, severityOf(statistic, threshold), reason);
}
