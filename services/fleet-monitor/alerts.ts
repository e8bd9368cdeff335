import type { Alert } from "../../shared/contracts/alerts.ts";
import type { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";

/** Rules of this service's own alerts. Drift and unknown rate: medium is yellow, high is red. (C-OPS-1, D-ALR-1) */
export const FLEET_RULES = [
  "fleet-outage",
  "fleet-drift",
  "fleet-unknown",
  "fleet-stale",
  "fleet-silent",
] as const;
export type FleetRule = (typeof FLEET_RULES)[number];

/** How bad something is, and the sentence that says so. */
export interface Wanted {
  readonly severity: Alert["severity"];
  readonly message: string;
}

const STALE_MS = 30 * 86_400_000;
const MOST_SHOWN = 5;

const REASONS = {
  feed: "nothing comes of this series",
  telemetry: "nothing comes of any series",
  fleet: "most of the fleet fell silent at once",
} as const;

/**
 * The alerts that a status calls for:
 *
 *     fleet-outage   high     an outage lasts; while it does, nobody is retired
 *     fleet-drift    medium   drift 20 to 35 %       high   above
 *     fleet-unknown  medium   unknown rate 5 to 15 % high   above
 *     fleet-stale    low      the model is older than 30 days and the fleet is no longer the one it knows
 *     fleet-silent   low      entities without data for a day or more, outages not counted
 *
 * A series without entities has no fleet to be told about.
 */
export function wantedAlerts(status: FleetStatus): Map<FleetRule, Wanted> {
  const wanted = new Map<FleetRule, Wanted>();
  const { outage, drift, tier, unknown_tier: unknown, as_of, model_since: since } = status;
  if (status.seen + status.silent_total === 0) return wanted;
  if (outage !== null) {
    const message = `${REASONS[outage.reason]} since ${outage.since}; nobody is retired until it is over`;
    wanted.set("fleet-outage", { severity: "high", message });
  }
  if (tier === "medium" || tier === "high") {
    const { new_total: fresh, sunset_total: sunset, known } = status;
    const message = `fleet drift is ${percent(drift)}: ${fresh} new and ${sunset} sunset of ${known} known`;
    wanted.set("fleet-drift", { severity: tier, message });
  }
  if (unknown === "warning" || unknown === "critical") {
    const { by_time, by_count } = status.unknown_rates;
    const message = `${percent(by_time)} of the predictions in the window, ${percent(by_count)} of the last ${status.predictions.by_count}, are about entities the model does not know`;
    wanted.set("fleet-unknown", { severity: unknown === "critical" ? "high" : "medium", message });
  }
  if (drift !== null && drift > 0 && since !== null && as_of !== null) {
    const message = `no new model since ${since}, while the fleet has drifted by ${percent(drift)}`;
    if (Date.parse(as_of) - Date.parse(since) > STALE_MS)
      wanted.set("fleet-stale", { severity: "low", message });
  }
  if (status.silent_total > 0) {
    const named = status.silent.slice(0, MOST_SHOWN).map(({ entity, state }) => `${entity} (${state})`);
    const more = status.silent_total > named.length ? ` and ${status.silent_total - named.length} more` : "";
    wanted.set("fleet-silent", { severity: "low", message: `no data from ${named.join(", ")}${more}` });
  }
  return wanted;
}

function percent(rate: number | null): string {
  return rate === null ? "none" : `${(100 * rate).toFixed(1)} %`;
}
