import type { Bus } from "./bus/bus.ts";
import type { Alert } from "./contracts/alerts.ts";
import { subjects } from "./contracts/subjects.ts";
import { newEvent } from "./events.ts";

/**
 * Publishes `alert.<verb>.<rule>.<about>`.
 *
 * @param id the same for the same alert told again, after a crash or by another process, so that it is told once
 * @returns its sequence in DECISIONS
 */
export function publishAlert(
  { bus, source }: { readonly bus: Pick<Bus, "publishEvent">; readonly source: string },
  verb: "raised" | "cleared",
  data: Alert,
  { id, timeMs }: { readonly id: string; readonly timeMs: number },
): Promise<number> {
  const { rule, about } = data;
  const event = newEvent({ id, source, type: `dev.retune.alert.${verb}`, subject: about, timeMs, data });
  return bus.publishEvent(subjects.alert(verb, rule, about), event);
}
