import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { meanShift as shiftOf } from "../../../shared/statistics/mean-shift.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, severityOf, short, verdict } from "./result.ts";
import { compared, counts, leading, samplePairs } from "./samples.ts";

/**
 * Has the mean moved? (B-TRN-1) |mean(recent) − mean(reference)| / std(reference). Where `min_z` asks for it the shift
 * must have that many standard errors, too, with the effective number of values; the statistic is 0 while it has not.
 *
 * Cannot tell with fewer than `min_points` values in either window, and where the reference is constant and the recent
 * mean is another: there is no scale to measure by.
 */
export function meanShift(situation: Situation): DetectorResult {
  const params = situation.spec.trigger.mean_shift;
  const { on, threshold, min_z, min_points, seasonal, recent, reference } = params;
  const results = samplePairs(situation, params).map((pair): DetectorResult => {
    const base = {
      detector: "mean_shift",
      threshold,
      figures: { ...counts(pair), difference: null, shift: null, z: null },
      thresholds: { on, threshold, min_z, min_points, seasonal, recent, reference },
    } as const;
    if (pair.problem !== undefined) return insufficient(base, pair.problem);
    const { difference, shift, zScore, autocorrelationTime } = shiftOf(pair.reference, pair.recent);
    const figures = {
      ...{ ...base.figures, difference, shift },
      ...{ z: zScore, autocorrelation_time: autocorrelationTime },
    };
    if (shift === null || zScore === null)
      return insufficient({ ...base, figures }, "the reference is constant and the recent mean is another");
    const statistic = zScore >= min_z ? shift : 0;
    const gate = min_z > 0 ? ` and ${min_z} standard errors` : "";
    const reason =
      `${compared(pair, params)}: the mean moved by ${short(shift)} standard deviations ` +
      `(${short(zScore)} standard errors); it fires at ${threshold}${gate}`;
    return verdict({ ...base, figures }, statistic, severityOf(shift, threshold), reason);
  });
  return leading(results);
}
