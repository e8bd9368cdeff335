import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { isAtLeast, ksSeverity } from "../../../shared/statistics/ks-severity.ts";
import { ksTwoSample } from "../../../shared/statistics/ks-two-sample.ts";
import type { MonitorState, Point } from "../state.ts";

type DriftParams = ForecasterSpec["trigger"]["drift"];

const WHAT = {
  errors: "one-step errors",
  values: "observed values",
  changes: "changes of the observed values",
} as const;

/**
 * Has the law changed? (A-TRG-2) Two-sample Kolmogorov–Smirnov test between the recent window and the time before
 * it, both ending at the newest point. It fires when
 *
 *     p < p_value   and   severity of D >= min_severity
 *
 * The p-value is computed with effective sample sizes, since the plain test cries wolf on autocorrelated values (see
 * `ksTwoSample`). The severity gate asks whether the change matters: with many values any change has a small p.
 *
 * Cannot tell (`fired: null`) with fewer than `min_points` values in either window.
 */
export function drift(state: Pick<MonitorState, "errors" | "values">, params: DriftParams): DetectorResult {
  const points =
    params.on === "errors" ? state.errors : params.on === "values" ? state.values : changes(state.values);
  const newest = points.at(-1)?.[0] ?? 0;
  const border = newest - durationMs(params.recent);
  const from = border - durationMs(params.reference);
  const recent = points.filter(([at]) => at > border).map(([, value]) => value);
  const reference = points.filter(([at]) => at > from && at <= border).map(([, value]) => value);
  const { on, p_value, min_severity, min_points } = params;
  const base = {
    detector: "drift",
    thresholds: { on, p_value, min_severity, min_points, recent: params.recent, reference: params.reference },
  } as const;
  const counts = {
    points_recent: recent.length,
    points_reference: reference.length,
    newest_point: points.length === 0 ? null : new Date(newest).toISOString(),
  };
  if (recent.length < min_points || reference.length < min_points) {
    const reason =
      `insufficient: ${recent.length} ${WHAT[on]} in the last ${params.recent} and ${reference.length} in the ` +
      `${params.reference} before, ${min_points} are needed in each`;
    return { ...base, figures: { ...counts, distance: null, p_value: null }, fired: null, reason };
  }
  const test = ksTwoSample(recent, reference, { effectiveSize: true });
  const severity = ksSeverity(test.distance, params.severity_at);
  const fired = test.pValue < p_value && isAtLeast(severity, min_severity);
  const figures = {
    ...counts,
    distance: test.distance,
    p_value: test.pValue,
    method: test.method,
    effective_recent: test.sampleSize,
    effective_reference: test.referenceSize,
    autocorrelation_time: test.autocorrelationTime,
  };
  const reason =
    `${WHAT[on]} of the last ${params.recent} against the ${params.reference} before: D = ${test.distance.toFixed(3)} ` +
    `(${severity ?? "no"} severity), p = ${test.pValue.toPrecision(3)}; ` +
    `it fires at p < ${p_value} and ${min_severity} severity or more`;
  return { ...base, figures, fired, ...(severity === undefined ? {} : { severity }), reason };
}

/** First differences; each stands at the time of its later value. */
function changes(points: readonly Point[]): Point[] {
  return points.slice(1).map(([at, value, sequence], i): Point => [at, value - points[i]![1], sequence]);
}
