import { durationDays } from "../../../shared/contracts/duration.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, verdict } from "./result.ts";

const DAY_MS = 86_400_000;

/**
 * Is what is live too old? Fires when the live config is `max_age` old or older. Unlike `time` it is not put off by
 * searches whose candidates were rejected.
 *
 * Cannot tell where nothing is live or the live config has no time.
 */
export function modelAge({ spec, inputs, nowMs }: Situation): DetectorResult {
  const { max_age } = spec.trigger.model_age;
  const at = inputs.deployment?.at ?? null;
  const days = at === null ? null : (nowMs - Date.parse(at)) / DAY_MS;
  const base = {
    detector: "model_age",
    threshold: durationDays(max_age),
    figures: { live_since: at, age_days: days },
    thresholds: { max_age },
  } as const;
  if (days === null) return insufficient(base, "no live config that says when it was found");
  return verdict(base, days, "low", `the live config is ${days.toFixed(1)} days old; it fires at ${max_age}`);
}
