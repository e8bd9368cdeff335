import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { wasserstein as earthMovers } from "../../../shared/statistics/wasserstein.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, severityOf, short, verdict } from "./result.ts";
import { compared, counts, leading, samplePairs } from "./samples.ts";

/**
 * How far have the values moved, all in all? Wasserstein-1 distance of the recent window from the time before it, in
 * standard deviations of the latter.
 *
 * Cannot tell with fewer than `min_points` values in either window, and where the reference is constant and the recent
 * values are not: there is no scale to measure by.
 */
export function wasserstein(situation: Situation): DetectorResult {
  const params = situation.spec.trigger.wasserstein;
  const { on, threshold, min_points, seasonal, recent, reference } = params;
  const results = samplePairs(situation, params).map((pair): DetectorResult => {
    const base = {
      detector: "wasserstein",
      threshold,
      figures: { ...counts(pair), distance: null, distance_std: null },
      thresholds: { on, threshold, min_points, seasonal, recent, reference },
    } as const;
    if (pair.problem !== undefined) return insufficient(base, pair.problem);
    const { distance, inStds } = earthMovers(pair.reference, pair.recent);
    const figures = { ...base.figures, distance, distance_std: inStds };
    if (inStds === null)
      return insufficient({ ...base, figures }, "the reference is constant and the recent values are not");
    const reason =
      `${compared(pair, params)}: moved by ${short(inStds)} standard deviations (${short(distance)}); ` +
      `it fires at ${threshold}`;
    return verdict({ ...base, figures }, inStds, severityOf(inStds, threshold), reason);
  });
  return leading(results);
}
