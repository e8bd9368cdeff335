import {
  foldIncident,
  type Incident,
  type IncidentsState,
  noIncidents,
} from "../../../shared/contracts/incidents.ts";
import { InvalidInputError } from "../../../shared/errors.ts";
import { incidentEvent, incidentTarget } from "../../../shared/incidents.ts";
import type { StreamMessage } from "./projection.ts";

/** Incidents by the series or forecaster they are about, folded from `alert.*.incident.*`. */
export class IncidentBook {
  private readonly byTarget = new Map<string, IncidentsState>();

  /**
   * Folds one message. What breaks the contract, or cannot be meant, changes nothing: the log shows it.
   *
   * @returns the series or forecaster it is about
   */
  fold(message: StreamMessage): string {
    const target = incidentTarget(message.subject);
    const before = this.byTarget.get(target) ?? noIncidents(target);
    try {
      this.byTarget.set(target, foldIncident(before, incidentEvent(message)).state);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
    }
    return target;
  }

  /** Of the series and of the forecaster, ascending by their beginning. */
  about(series: string, forecaster: string): Incident[] {
    const of = (target: string) => this.byTarget.get(target)?.incidents ?? [];
    return [
      ...of(series).filter(({ scope }) => "series" in scope),
      ...of(forecaster).filter(({ scope }) => "forecaster" in scope),
    ].sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
  }
}
