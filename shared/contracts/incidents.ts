import { z } from "zod";
import { Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** What an incident is about: everything observed of a series, or one forecaster alone. */
export const IncidentScope = z.union([
  z.strictObject({ series: Token }),
  z.strictObject({ forecaster: Token }),
]);
export type IncidentScope = z.infer<typeof IncidentScope>;

const facts = {
  incident: Token.describe("its id, chosen by whoever raises it; raised again it is amended"),
  scope: IncidentScope,
  from: Timestamp.describe("event time, inclusive"),
  to: Timestamp.nullable()
    .default(null)
    .describe("event time, exclusive; null while it lasts; equal to from: withdrawn"),
  reason: z.string().min(1).max(1000),
  by: z.string().min(1).max(200),
};

const endsAfterItBegins = ({ from, to }: { from: string; to: string | null }) =>
  to === null || Date.parse(to) >= Date.parse(from);
const ORDER = { path: ["to"], message: "expected a time that is not before from" };

/** Data of `alert.raised.incident.<series or forecaster>`: telemetry that nobody should learn from or judge by. */
export const IncidentRaised = z.looseObject(facts).refine(endsAfterItBegins, ORDER);
export type IncidentRaised = z.infer<typeof IncidentRaised>;

/** Data of `alert.cleared.incident.<series or forecaster>`: the incident is over, or was over at `to`. */
export const IncidentCleared = z.looseObject({
  incident: Token,
  to: Timestamp.optional().describe("event time, exclusive; absent: the time of the event"),
});
export type IncidentCleared = z.infer<typeof IncidentCleared>;

export const Incident = z.object({
  ...facts,
  events: z.array(z.string()).describe("ids of the events it was folded from: a repeat changes nothing"),
});
export type Incident = z.infer<typeof Incident>;

/** Bucket `states`, key `incidents.<series or forecaster>`: a fold of the target's events, rebuilt when lost. */
export const IncidentsState = z.object({
  target: Token,
  incidents: z.array(Incident).describe("ascending by from, then by id"),
  last_sequence: z.int().nonnegative().describe("of DECISIONS: events up to it are in"),
});
export type IncidentsState = z.infer<typeof IncidentsState>;

export const INCIDENT_RULE = "incident";
export const incidentsKey = (target: string) => `incidents.${Token.parse(target)}`;
export const scopeTarget = (scope: IncidentScope) => ("series" in scope ? scope.series : scope.forecaster);

/** Times `fromMs <= t < toMs` in milliseconds since the epoch; `toMs` is Infinity while an incident lasts. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Intervals to leave out, ascending and disjoint (touching ones are joined): those of incidents about the
 * series, and about the forecaster where one is named. Withdrawn incidents have none.
 *
 * @param incidents of any targets: the documents of the series and of the forecaster, one after the other
 */
export function activeIntervals(
  incidents: readonly Pick<Incident, "scope" | "from" | "to">[],
  about: { readonly series?: string | undefined; readonly forecaster?: string | undefined },
): Interval[] {
  const concerned = incidents.filter(({ scope }) =>
    "series" in scope ? scope.series === about.series : scope.forecaster === about.forecaster,
  );
  const joined: { fromMs: number; toMs: number }[] = [];
  for (const each of concerned.map(intervalOf).toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = joined.at(-1);
    if (each.toMs <= each.fromMs) continue;
    if (last !== undefined && each.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, each.toMs);
    else joined.push({ ...each });
  }
  return joined;
}

export function intervalOf({ from, to }: Pick<Incident, "from" | "to">): Interval {
  return { fromMs: Date.parse(from), toMs: to === null ? Number.POSITIVE_INFINITY : Date.parse(to) };
}

/** Whether some part of `fromMs <= t < toMs` lies in an interval; for an instant use `contains`. */
export function overlaps(intervals: readonly Interval[], fromMs: number, toMs: number): boolean {
  return intervals.some((each) => each.fromMs < toMs && fromMs < each.toMs);
}

/** Whether an instant lies in an interval: `fromMs <= timeMs < toMs`. */
export function contains(intervals: readonly Interval[], timeMs: number): boolean {
  return intervals.some(({ fromMs, toMs }) => fromMs <= timeMs && timeMs < toMs);
}

/** One event about a target, as the stream has it. */
export type IncidentEvent = { readonly id: string; readonly time: string; readonly sequence: number } & (
  | { readonly verb: "raised"; readonly data: IncidentRaised }
  | { readonly verb: "cleared"; readonly data: IncidentCleared }
);

export function noIncidents(target: string): IncidentsState {
  return { target, incidents: [], last_sequence: 0 };
}

/**
 * Folds one event into the state of its target, in the order of the stream.
 *
 *     raised   a new incident; of one that is known: its from, to, reason and by as they are now told
 *     cleared  its end: `to`, else the time of the event, but not before its beginning; told again: corrected
 *
 * Idempotent: a sequence or an event id that is in changes nothing. An event that cannot be meant (another
 * target, an end before the beginning, an incident that was never raised) leaves the incidents as they are.
 *
 * @returns the next state, and why the event was refused
 */
export function foldIncident(
  state: IncidentsState,
  event: IncidentEvent,
): { readonly state: IncidentsState; readonly refused?: string } {
  const { id, sequence, time, verb, data } = event;
  if (sequence <= state.last_sequence) return { state };
  const moved = { ...state, last_sequence: sequence };
  const known = state.incidents.find(({ incident }) => incident === data.incident);
  if (known?.events.includes(id)) return { state: moved };
  const named = `incident '${data.incident}'`;
  if (verb === "raised") {
    const { incident, scope, from, to, reason, by } = data;
    if (scopeTarget(scope) !== state.target)
      return {
        state: moved,
        refused: `${named}: scope names '${scopeTarget(scope)}', expected '${state.target}'`,
      };
    const raised = { incident, scope, from, to, reason, by, events: [...(known?.events ?? []), id] };
    return { state: { ...moved, incidents: placed(state.incidents, raised) } };
  }
  if (known === undefined)
    return {
      state: moved,
      refused: `${named} of '${state.target}' was never raised, so it cannot be cleared`,
    };
  const to = data.to ?? (Date.parse(time) < Date.parse(known.from) ? known.from : time);
  if (!endsAfterItBegins({ from: known.from, to }))
    return {
      state: moved,
      refused: `${named}: to is ${to}, expected a time that is not before its from, ${known.from}`,
    };
  return {
    state: { ...moved, incidents: placed(state.incidents, { ...known, to, events: [...known.events, id] }) },
  };
}

function placed(incidents: readonly Incident[], changed: Incident): Incident[] {
  const others = incidents.filter(({ incident }) => incident !== changed.incident);
  return [...others, changed].sort(
    (a, b) => Date.parse(a.from) - Date.parse(b.from) || (a.incident < b.incident ? -1 : 1),
  );
}
