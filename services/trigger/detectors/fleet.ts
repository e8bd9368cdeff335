import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult, FleetInput } from "../../../shared/contracts/trigger.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, percent, verdict } from "./result.ts";

/** Shares above which a drift is urgent; 35 % itself is medium. (C-FLT-1) */
const MEDIUM_FROM = 0.2;
const HIGH_ABOVE = 0.35;

/**
 * Has the fleet become another? (C-FLT-1) Fleet drift = (new + sunset) / known, from the fleet-monitor. Severity is
 * low below 20 %, medium to 35 %, high above, which says when a run may start.
 *
 * For a forecaster of all entities the new ones count once they have the history to be learnt from: until then a run
 * could not know them either.
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
      ...(seen?.new_ripe === undefined ? {} : { new_ripe: seen.new_ripe }),
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
  const { new_ripe = seen.new } = seen;
  const drift = new_ripe === seen.new ? seen.drift : (new_ripe + seen.sunset) / seen.known;
  const severity = drift > HIGH_ABOVE ? "high" : drift >= MEDIUM_FROM ? "medium" : "low";
  const reason =
    `${seen.new} new${tooYoung(seen, spec)} and ${seen.sunset} gone of ${seen.known} known entities: ` +
    `${percent(drift)}; it fires at ${percent(threshold)}`;
  return verdict(base, drift, severity, reason);
}

/** " (3 of them with less than 7d of history, who do not count yet)", empty where there are none. */
export function tooYoung({ new: all, new_ripe = all }: FleetInput, { fleet }: ForecasterSpec): string {
  const young = all - new_ripe;
  return young === 0
    ? ""
    : ` (${young} of them with less than ${fleet.min_history} of history, who do not count yet)`;
}
