import { durationMs } from "../../../shared/contracts/duration.ts";
import { METRICS } from "../../../shared/contracts/spec-detectors.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { type Situation, usableBuckets } from "../judgement/situation.ts";
import { layoutOf } from "../monitor/layout.ts";
import type { ErrorBucket } from "../state.ts";
import { METRIC_TITLES, type Measured, measured } from "./measures.ts";
import { insufficient, percent, severityOf, short, verdict } from "./result.ts";

/**
 * Has the forecaster become worse? (A-TRG-1, B-TRN-1) One measure (see `measured`) of the recent window against its
 * baseline,
 *
 *     degradation = recent / baseline − 1      where smaller is better (RMSE, MAE, MAPE, MASE, pinball loss)
 *     degradation = 1 − recent / baseline      where larger is better (coverage, accuracy, precision, Sharpe ratio)
 *
 * and it fires at degradation >= threshold. Severity is medium, and high from twice the threshold. Windows end at the
 * newest score's target time and are taken in whole buckets, without those that incidents reach into.
 *
 * The baseline is, with `against: baseline-window`, the last `baseline`, the recent window included ("the last 14 days
 * against the last 60"). With `against: deployment` it is what the live config was validated with, or, where that has
 * no such measure, its scores of the first `recent` it was live; the recent window then holds no score of before.
 *
 * Cannot tell with fewer than `min_scores` scores in the recent window, with none before it, where the measure is not
 * defined, and where a baseline of 0 or below leaves nothing to lose. A baseline window without any error has not
 * degraded.
 */
export function performance(situation: Situation): DetectorResult {
  const { spec, monitor } = situation;
  const { metric, against, threshold, recent, baseline, min_scores } = spec.trigger.performance;
  const { bucketMs } = layoutOf(spec);
  const newestMs = monitor.newest_score;
  const end = newestMs === null ? 0 : Math.floor(newestMs / bucketMs) * bucketMs;
  const deployedMs = situation.inputs.deployment === null ? null : Date.parse(situation.inputs.deployment.at);
  const sinceMs =
    against === "deployment" && deployedMs !== null
      ? Math.max(end - durationMs(recent), Math.floor(deployedMs / bucketMs) * bucketMs)
      : end - durationMs(recent);
  const buckets = usableBuckets(situation, bucketMs);
  const over = (fromMs: number, toMs: number): Measured =>
    measured(metric, within(buckets, fromMs, toMs), situation, fromMs, toMs + bucketMs);
  const now = over(sinceMs, end);
  const before =
    against === "deployment" ? atDeployment(situation, over) : over(end - durationMs(baseline), end);
  const base = {
    detector: "performance",
    threshold,
    figures: {
      [`${metric}_recent`]: now.value,
      [`${metric}_baseline`]: before.value,
      degradation: null,
      scores_recent: now.n,
      scores_baseline: before.n,
      newest_score: newestMs === null ? null : new Date(newestMs).toISOString(),
    },
    thresholds: { metric, against, threshold, recent, baseline, min_scores },
  } as const;
  const title = METRIC_TITLES[metric];
  if (now.n < min_scores)
    return insufficient(base, `${now.n} scores in the last ${recent}, ${min_scores} are needed`);
  if (against === "deployment") {
    const early = tooEarly(situation, before, sinceMs);
    if (early !== undefined) return insufficient(base, early);
  } else if (before.n === now.n) return insufficient(base, `no scores before the last ${recent}`);
  if (now.value === null || before.value === null)
    return insufficient(
      base,
      `the ${title} of ${now.value === null ? "the recent" : "the baseline's"} scores is not defined`,
    );
  const degradation = degradationOf(METRICS[metric], now.value, before.value);
  if (degradation === null)
    return insufficient(base, `a baseline of ${short(before.value)} in ${title} leaves nothing to lose by`);
  const direction = degradation < 0 ? "better" : "worse";
  const than = against === "deployment" ? "than at its deployment" : `than that of the last ${baseline}`;
  const reason =
    `${title} of the last ${recent} is ${percent(Math.abs(degradation))} ${direction} ${than} ` +
    `(${short(now.value)} against ${short(before.value)}); it fires at ${percent(threshold)} worse`;
  const figures = { ...base.figures, degradation };
  return verdict({ ...base, figures }, degradation, severityOf(degradation, threshold), reason);
}

function degradationOf(better: "smaller" | "larger", now: number, before: number): number | null {
  if (better === "larger") return before > 0 ? 1 - now / before : null;
  if (before > 0) return now / before - 1;
  return now === before ? 0 : null;
}

function atDeployment(
  { inputs: { deployment }, spec }: Situation,
  over: (fromMs: number, toMs: number) => Measured,
): Measured {
  if (deployment === null) return { n: 0, value: null };
  const { metric, recent } = spec.trigger.performance;
  const validated = deployment.validation[metric];
  if (validated !== undefined) return { n: 0, value: validated };
  const { bucketMs } = layoutOf(spec);
  const from = Math.floor(Date.parse(deployment.at) / bucketMs) * bucketMs;
  return over(from, from + durationMs(recent));
}

/** Why the live config has no baseline yet, undefined where it has one. */
function tooEarly(
  { inputs: { deployment }, spec }: Situation,
  before: Measured,
  sinceMs: number,
): string | undefined {
  if (deployment === null) return "it is not known when the live config was deployed";
  const { metric, recent, min_scores } = spec.trigger.performance;
  if (deployment.validation[metric] !== undefined) return undefined;
  if (before.n < min_scores)
    return `${before.n} scores in the first ${recent} after the deployment, ${min_scores} are needed`;
  if (sinceMs < Date.parse(deployment.at) + durationMs(recent))
    return `the first ${recent} after the deployment are the baseline, and are not over for as long again`;
  return undefined;
}

/** Buckets that begin after one time and not after another. */
function within(buckets: readonly ErrorBucket[], fromMs: number, toMs: number): ErrorBucket[] {
  return buckets.filter(({ start }) => start > fromMs && start <= toMs);
}
