import type { Bus } from "./bus/bus.ts";
import type { Message } from "./bus/message.ts";
import { check } from "./check.ts";
import { CloudEvent } from "./contracts/envelope.ts";
import {
  foldIncident,
  IncidentCleared,
  type IncidentEvent,
  IncidentRaised,
  type IncidentsState,
  noIncidents,
} from "./contracts/incidents.ts";
import { InvalidInputError } from "./errors.ts";

/** What DECISIONS tells about one target. */
export interface ToldIncidents {
  readonly state: IncidentsState;
  /** Why an event was refused, by its sequence. */
  readonly refused: ReadonlyMap<number, string>;
}

/** Every subject of incidents, or those of one target. */
export const incidentSubjects = (target = "*") => `alert.*.incident.${target}`;

/** The series or forecaster that a message on such a subject is about. */
export const incidentTarget = (subject: string) => subject.split(".")[3] ?? "";

/** Incidents by target, folded from the beginning of DECISIONS; of one target where it is named. */
export async function readIncidents(
  bus: Pick<Bus, "read">,
  target?: string,
): Promise<Map<string, ToldIncidents>> {
  const told = new Map<string, { state: IncidentsState; refused: Map<number, string> }>();
  for await (const message of bus.read("DECISIONS", { filter: incidentSubjects(target) })) {
    const about = incidentTarget(message.subject);
    const so = told.get(about) ?? { state: noIncidents(about), refused: new Map() };
    told.set(about, so);
    try {
      const { state, refused } = foldIncident(so.state, incidentEvent(message));
      so.state = state;
      if (refused !== undefined) so.refused.set(message.sequence, refused);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      so.refused.set(message.sequence, error.message);
    }
  }
  return told;
}

/**
 * The event of a message on such a subject.
 *
 * @throws {InvalidInputError} naming the field that breaks the contract
 */
export function incidentEvent(message: Pick<Message, "subject" | "sequence" | "json">): IncidentEvent {
  const { subject, sequence } = message;
  const { id, time, data } = check(CloudEvent, message.json(), "event", "payload");
  const event = { id, time, sequence };
  const verb = subject.split(".")[1];
  if (verb === "raised") return { ...event, verb, data: check(IncidentRaised, data, "incident", "data") };
  if (verb === "cleared") return { ...event, verb, data: check(IncidentCleared, data, "incident", "data") };
  throw new InvalidInputError(`subject '${subject}': expected alert.raised or alert.cleared`);
}
