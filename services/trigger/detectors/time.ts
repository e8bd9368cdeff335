import { durationDays } from "../../../shared/contracts/duration.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import type { Situation } from "../judgement/situation.ts";
import { verdict } from "./result.ts";

const DAY_MS = 86_400_000;

/**
 * Has it been too long? (A-TRG-3) Fires when the last completed search is `max_age` old or older, and when there has
 * been none. It needs nothing but two times, so it works when all else fails (A-TRG-5).
 */
export function time({ spec, inputs, nowMs }: Situation): DetectorResult {
  const { max_age } = spec.trigger.time;
  const { last_optimized_at } = inputs;
  const threshold = durationDays(max_age);
  const base = { detector: "time", threshold, thresholds: { max_age } } as const;
  if (last_optimized_at === null) {
    const figures = { last_optimized: null, age_days: null };
    return { ...base, statistic: null, figures, fired: true, severity: "low", reason: "never optimized" };
  }
  const days = (nowMs - Date.parse(last_optimized_at)) / DAY_MS;
  const figures = { last_optimized: last_optimized_at, age_days: days };
  const reason = `last optimized ${days.toFixed(1)} days ago; it fires at ${max_age}`;
  return verdict({ ...base, figures }, days, "low", reason);
}
