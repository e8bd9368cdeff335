import { publishAlert } from "../../shared/alerts.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import type { Message } from "../../shared/bus/message.ts";
import { Alert } from "../../shared/contracts/alerts.ts";
import type { FleetStatus } from "../../shared/contracts/fleet-monitor.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { parseEvent } from "../../shared/events.ts";
import { deriveUuidV7 } from "../../shared/ids.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { FLEET_RULES, type FleetRule, type Wanted, wantedAlerts } from "./alerts.ts";

/** What DECISIONS says last about one alert of one series. */
interface Told {
  readonly severity: Alert["severity"] | null; // null: nothing was raised, or it was cleared
  readonly sequence: number;
}

const NOTHING: Told = { severity: null, sequence: 0 };

/**
 * Raises and clears alerts until DECISIONS says what the fleets' figures call for. What was told is read from there,
 * so nothing is remembered elsewhere; the id of an alert derives from the one before it, so that two monitors, or
 * one that died after publishing, tell it once.
 */
export class AlertDesk {
  private readonly context: Pick<ServiceContext, "bus" | "source" | "codeVersion" | "clock">;
  private readonly told = new Map<string, Told>();

  constructor(context: Pick<ServiceContext, "bus" | "source" | "codeVersion" | "clock">) {
    this.context = context;
  }

  async tell(status: FleetStatus): Promise<void> {
    const wanted = wantedAlerts(status);
    for (const rule of FLEET_RULES) {
      const key = `${rule}.${status.series}`;
      const told = this.told.get(key) ?? (await lastTold(this.context.bus, rule, status.series));
      const want = wanted.get(rule);
      this.told.set(key, told);
      if (told.severity === (want?.severity ?? null)) continue;
      const sequence = await this.publish(rule, status, want, told);
      this.told.set(key, { severity: want?.severity ?? null, sequence });
    }
  }

  private publish(
    rule: FleetRule,
    status: FleetStatus,
    want: Wanted | undefined,
    told: Told,
  ): Promise<number> {
    const { codeVersion, clock } = this.context;
    const { series, as_of, known, new_total, sunset_total, drift, unknown_rates, outage } = status;
    const verb = want === undefined ? "cleared" : "raised";
    const severity = want?.severity ?? told.severity!;
    const data: Alert = {
      rule,
      about: series,
      severity,
      message: want?.message ?? "over",
      caused_by: told.sequence === 0 ? [] : [told.sequence],
      evidence: {
        code_version: codeVersion,
        figures: { as_of, known, new_total, sunset_total, drift, unknown_rates, outage },
      },
    };
    const id = deriveUuidV7(told.sequence, "alert", verb, rule, series, severity);
    return publishAlert(this.context, verb, data, { id, timeMs: clock.now() });
  }
}

async function lastTold(bus: Pick<Bus, "lastMessage">, rule: FleetRule, series: string): Promise<Told> {
  const last = (verb: "raised" | "cleared") =>
    bus.lastMessage("DECISIONS", subjects.alert(verb, rule, series));
  const [raised, cleared] = await Promise.all([last("raised"), last("cleared")]);
  if (raised === undefined) return NOTHING;
  if (cleared !== undefined && cleared.sequence > raised.sequence)
    return { severity: null, sequence: cleared.sequence };
  return { severity: severityOf(raised), sequence: raised.sequence };
}

/** Null where somebody else published what is no alert. */
function severityOf(raised: Message): Told["severity"] {
  try {
    return parseEvent(raised, Alert).data.severity;
  } catch {
    return null;
  }
}
