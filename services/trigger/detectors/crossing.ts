import { durationDays, durationMs } from "../../../shared/contracts/duration.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { crossingTime, theilSen } from "../../../shared/statistics/theil-sen.ts";
import type { Situation } from "../judgement/situation.ts";
import { type Base, insufficient, short, verdict } from "./result.ts";

const DAY_MS = 86_400_000;

/**
 * Will another detector fire soon? (A-FUT-2) A Theil–Sen trend through the statistics that the detector `of` came to
 * at the evaluations of the last `window`, this one included, says when it reaches that detector's threshold. It fires,
 * or warns, when that is within `within` and even the flattest slope of the confidence band rises. Its own statistic is
 * where the trend will be by then.
 *
 * Cannot tell with fewer than `min_points` evaluations, and where the other detector is off or cannot tell. Once the
 * other has fired by itself there is nothing to foresee.
 */
export function crossing(situation: Situation, earlier: readonly DetectorResult[]): DetectorResult {
  const { spec, nowMs, inputs } = situation;
  const { of, within, window, confidence, act, min_points } = spec.trigger.crossing;
  const watched = earlier.find(({ detector }) => detector === of);
  const fromMs = nowMs - durationMs(window);
  const past = (inputs.trails[of] ?? [])
    .map(([at, statistic]) => [Date.parse(at), statistic] as const)
    .filter(([at]) => at > fromMs && at < nowMs);
  const base: Base = {
    detector: "crossing",
    threshold: watched?.threshold ?? null,
    figures: { evaluations: past.length + 1, slope_per_day: null, crosses_at: null },
    thresholds: { of, within, window, confidence, act, min_points },
  };
  if (watched === undefined) return insufficient(base, `the detector ${of} is off`);
  if (watched.statistic === null || watched.threshold === null)
    return insufficient(base, `the detector ${of} cannot tell`);
  const points = [...past, [nowMs, watched.statistic] as const].map(
    ([at, statistic]) => [(at - nowMs) / DAY_MS, statistic] as const,
  );
  if (points.length < min_points)
    return insufficient(
      base,
      `${points.length} evaluations of ${of} in the last ${window}, ${min_points} are needed`,
    );
  const trend = theilSen(points, confidence);
  if (trend === null) return insufficient(base, `the evaluations of ${of} are all of one time`);
  const days = durationDays(within);
  const crossed = crossingTime(trend, watched.threshold);
  const at = (day: number | null | undefined) =>
    day === null || day === undefined || !(Math.abs(day) < 1e6)
      ? null
      : new Date(nowMs + day * DAY_MS).toISOString();
  const figures = {
    ...base.figures,
    slope_per_day: trend.slope,
    slope_lower: trend.lowerSlope,
    crosses_at: at(crossed?.at),
    crosses_earliest: at(crossed?.earliest),
    crosses_latest: at(crossed?.latest),
  };
  const told = { ...base, threshold: watched.threshold, figures };
  const ahead = trend.intercept + trend.slope * days;
  if (watched.fired === true || trend.lowerSlope <= 0) {
    const reason =
      watched.fired === true
        ? `${of} has fired by itself`
        : `no rise of ${of} is certain: ${short(trend.slope)} a day, ${short(trend.lowerSlope)} at the least`;
    return { ...told, statistic: ahead, fired: false, reason };
  }
  const reason =
    `${of} rises by ${short(trend.slope)} a day and reaches ${short(watched.threshold)} ` +
    `${figures.crosses_at === null ? "later" : `at ${figures.crosses_at}`}; it fires when that is within ${within}`;
  const result = verdict(told, ahead, "low", reason);
  return act === "warn" && result.fired ? { ...result, fired: false, warns: true } : result;
}
