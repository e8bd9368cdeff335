import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import type { ErrorBucket } from "../state.ts";

/**
 * Has the error grown? (A-TRG-1)
 *
 *     degradation = RMSE(recent) / RMSE(baseline) − 1,   fires at degradation >= threshold
 *
 * Both windows end at the newest score's target time and are taken in whole buckets; the baseline holds the recent
 * window, too ("the last 14 days against the last 60"). Severity is medium, and high from twice the threshold.
 *
 * Cannot tell (`fired: null`) with fewer than `min_scores` scores in the recent window, or with none before it.
 * A baseline without any error has not degraded.
 *
 * @param buckets    sums of squared errors, ascending
 * @param width      ms of one bucket
 * @param newestMs   target time of the newest score; null for none
 */
export function performance(
  buckets: readonly ErrorBucket[],
  width: number,
  newestMs: number | null,
  params: ForecasterSpec["trigger"]["performance"],
): DetectorResult {
  const end = newestMs === null ? 0 : Math.floor(newestMs / width) * width;
  const recent = pool(buckets, end - durationMs(params.recent));
  const baseline = pool(buckets, end - durationMs(params.baseline));
  const { threshold, min_scores } = params;
  const base = {
    detector: "performance",
    figures: {
      rmse_recent: recent.rmse,
      rmse_baseline: baseline.rmse,
      degradation: null,
      scores_recent: recent.n,
      scores_baseline: baseline.n,
      newest_score: newestMs === null ? null : new Date(newestMs).toISOString(),
    },
    thresholds: { threshold, recent: params.recent, baseline: params.baseline, min_scores },
  } as const;
  if (recent.n < min_scores) {
    const reason = `insufficient: ${recent.n} scores in the last ${params.recent}, ${min_scores} are needed`;
    return { ...base, fired: null, reason };
  }
  if (baseline.n === recent.n || recent.rmse === null || baseline.rmse === null) {
    return { ...base, fired: null, reason: `insufficient: no scores before the last ${params.recent}` };
  }
  const degradation = baseline.rmse === 0 ? 0 : recent.rmse / baseline.rmse - 1;
  const fired = degradation >= threshold;
  const figures = { ...base.figures, degradation };
  const direction = degradation < 0 ? "better" : "worse";
  const reason =
    `RMSE of the last ${params.recent} is ${percent(Math.abs(degradation))} ${direction} than that of the last ` +
    `${params.baseline} (${short(recent.rmse)} against ${short(baseline.rmse)}); ` +
    `it fires at ${percent(threshold)} worse`;
  if (!fired) return { ...base, figures, fired, reason };
  return { ...base, figures, fired, severity: degradation >= 2 * threshold ? "high" : "medium", reason };
}

function pool(buckets: readonly ErrorBucket[], after: number): { n: number; rmse: number | null } {
  let n = 0;
  let sse = 0;
  for (const bucket of buckets) {
    if (bucket.start <= after) continue;
    n += bucket.n;
    sse += bucket.sse;
  }
  return { n, rmse: n > 0 ? Math.sqrt(sse / n) : null };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
