import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";

const DAY_MS = 86_400_000;

/**
 * Has it been too long? (A-TRG-3) Fires when the last completed search is `max_age` old or older, and when there has
 * been none. It needs nothing but two times, so it works when all else fails (A-TRG-5).
 *
 * @param lastOptimizedMs time of the last completed search; null for none
 * @param nowMs           event time of the evaluation
 */
export function time(
  lastOptimizedMs: number | null,
  nowMs: number,
  params: ForecasterSpec["trigger"]["time"],
): DetectorResult {
  const base = { detector: "time", thresholds: { max_age: params.max_age } } as const;
  if (lastOptimizedMs === null) {
    const figures = { last_optimized: null, age_days: null };
    return { ...base, figures, fired: true, severity: "low", reason: "never optimized" };
  }
  const ageMs = nowMs - lastOptimizedMs;
  const fired = ageMs >= durationMs(params.max_age);
  const days = (ageMs / DAY_MS).toFixed(1);
  const figures = { last_optimized: new Date(lastOptimizedMs).toISOString(), age_days: ageMs / DAY_MS };
  const reason = `last optimized ${days} days ago; it fires at ${params.max_age}`;
  return fired ? { ...base, figures, fired, severity: "low", reason } : { ...base, figures, fired, reason };
}
