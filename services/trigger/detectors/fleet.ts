import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, percent, verdict } from "./result.ts";

/** Shares above which a drift is urgent; 35 % itself is medium. (C-FLT-1) */
const MEDIUM_FROM = 0.2;
const HIGH_ABOVE = 0.35;

/**
 * Has the fleet become another? (C-FLT-1) Fleet drift = (new + sunset) / known, from the fleet-monitor. Severity is
 * low below 20 %, medium to 35 %, high above, which says when a run may start.
 *
 * Cannot tell while an outage lasts, where nothing is known, and where the fleet-monitor does not answer.
 */
export function fleet({ spec, inputs }: Situation): DetectorResult {
  const { threshold } = spec.trigger.fleet;
  const { fleet: seen } = inputs;
  const base = {
    detector: "fleet",
    threshold,
    figures: {
      known: seen?.known ?? null,
      new: seen?.new ?? null,
      sunset: seen?.sunset ?? null,
      drift: seen?.drift ?? null,
    },
    thresholds: { threshold },
  } as const;
  if (seen === null)
    return insufficient(base, "the fleet-monitor does not know the series or does not answer");
  if (seen.outage !== null)
    return insufficient(
      base,
      `an outage (${seen.outage.reason}) since ${seen.outage.since}: nobody is judged`,
    );
  if (seen.drift === null) return insufficient(base, "no entity of the series is known to a model yet");
  const severity = seen.drift > HIGH_ABOVE ? "high" : seen.drift >= MEDIUM_FROM ? "medium" : "low";
  const reason =
    `${seen.new} new and ${seen.sunset} gone of ${seen.known} known entities: ${percent(seen.drift)}; ` +
    `it fires at ${percent(threshold)}`;
  return verdict(base, seen.drift, severity, reason);
}
