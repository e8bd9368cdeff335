import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { mostThorough } from "../../../shared/contracts/spec-remedies.ts";
import type { Step } from "../../../shared/contracts/subjects.ts";
import {
  type Accepted,
  type Evaluated,
  PRIORITIES,
  type RetrainRequest,
  type ScheduledTime,
} from "../../../shared/contracts/trigger.ts";
import type { ActiveRun, Wish } from "../state.ts";

/** Sequences a receipt names, reasons it repeats: the count is in `coalesced`. */
const MAX_CAUSES = 100;
const MAX_REASONS = 20;

/** Whose conditions hold for wishes that are joined: the later in this list. */
const RANK: readonly Accepted["cause"][] = [
  "trigger",
  "first-deployment",
  "escalation",
  "schedule",
  "manual",
];

export interface ManualRequest {
  readonly sequence: number;
  /** When the server stored it. */
  readonly storedMs: number;
  readonly request: RetrainRequest;
}

/** The one wish of requests that came together, the first of which gives it its id; undefined for none. */
export function wishOfPeople(group: readonly ManualRequest[], atMs: number): Wish | undefined {
  const [first] = group;
  if (first === undefined) return undefined;
  const reasons = group.flatMap(({ request }) => (request.reason === undefined ? [] : [request.reason]));
  const by = group.find(({ request }) => request.requested_by !== undefined)?.request.requested_by;
  return {
    cause: "manual",
    action: mostThorough(group.map(({ request }) => request.action)) ?? "search",
    priority: highest(group.map(({ request }) => request.priority)),
    reasons: distinct(reasons, MAX_REASONS),
    ...(by === undefined ? {} : { requested_by: by }),
    caused_by: group.slice(0, MAX_CAUSES).map(({ sequence }) => sequence),
    coalesced: group.length - 1,
    since: new Date(atMs).toISOString(),
    origin: String(first.sequence),
    stored_at: first.storedMs,
  };
}

/** What an evaluation asks for: as urgent as the worst of what fired, medium where nothing says how bad it is. */
export function wishOfEvaluation(
  { cause, detectors, reasons }: Evaluated,
  { sequence, storedMs }: { sequence: number; storedMs: number },
  { atMs, spec }: { atMs: number; spec: Pick<ForecasterSpec, "trigger"> | undefined },
): Wish {
  const first = cause === "first-deployment";
  const remedy = spec?.trigger.remedy;
  const fired = detectors.filter((each) => each.fired === true && each.warns !== true);
  const asked = fired.map(({ detector }) => remedy?.by_detector[detector] ?? remedy?.triggered);
  return {
    cause: first ? "first-deployment" : "trigger",
    action: (first ? undefined : mostThorough(asked)) ?? "search",
    priority: highest(detectors.map(({ fired, severity }) => (fired ? severity : undefined))),
    reasons: distinct(reasons, MAX_REASONS),
    caused_by: [sequence],
    coalesced: 0,
    since: new Date(atMs).toISOString(),
    origin: String(sequence),
    stored_at: storedMs,
  };
}

/**
 * The one wish of scheduled times that are due together. Its id derives from the newest of them alone, so that the
 * same time is the same run for every process and after every crash.
 *
 * @param due not empty
 */
export function wishOfSchedules(
  due: readonly ScheduledTime[],
  { trigger }: Pick<ForecasterSpec, "trigger">,
): Wish {
  const newest = due.reduce((a, b) => (Date.parse(b.at) > Date.parse(a.at) ? b : a));
  return {
    cause: "schedule",
    action: trigger.remedy.scheduled,
    priority: "medium",
    reasons: due.map(({ cron, zone, at }) => `schedule '${cron}' in ${zone}, due at ${at}`),
    schedules: [...due],
    caused_by: [],
    coalesced: 0,
    since: newest.at,
    origin: `schedule ${newest.at}`,
    stored_at: Date.parse(newest.at),
  };
}

/**
 * What follows a run whose remedy was not approved, or failed; undefined where nothing shall.
 *
 * @param step that ended it
 */
export function wishOfEscalation(
  { run, action, escalates_to }: Pick<ActiveRun, "run" | "action" | "escalates_to">,
  step: Step,
  {
    sequence,
    storedMs,
    event,
  }: { sequence: number; storedMs: number; event: { time: string; data: object } },
): Wish | undefined {
  if (escalates_to === null || (step !== "rejected" && step !== "failed")) return undefined;
  const { cause } = event.data as { cause?: unknown };
  const why = step === "failed" && typeof cause === "string" ? `: ${cause}` : "";
  return {
    cause: "escalation",
    action: escalates_to,
    priority: "medium",
    reasons: [`${action} of run ${run} was ${step === "failed" ? "not possible" : "not approved"}${why}`],
    caused_by: [sequence],
    coalesced: 0,
    since: event.time,
    origin: run,
    stored_at: storedMs,
  };
}

/**
 * A waiting wish with a newer one: as old as the older, as urgent as the more urgent. A schedule among them makes the
 * whole one of a schedule, since what holds back triggered runs does not hold those.
 */
export function joined(waiting: Wish | null, newer: Wish): Wish {
  if (waiting === null) return newer;
  const leads = RANK.indexOf(newer.cause) > RANK.indexOf(waiting.cause) ? newer : waiting;
  const schedules = [...(waiting.schedules ?? []), ...(newer.schedules ?? [])];
  return {
    ...leads,
    action: mostThorough([waiting.action, newer.action]) ?? leads.action,
    priority: highest([waiting.priority, newer.priority]),
    reasons: distinct([...waiting.reasons, ...newer.reasons], MAX_REASONS),
    ...(schedules.length === 0 ? {} : { schedules: schedules.slice(-MAX_REASONS) }),
    caused_by: distinct([...waiting.caused_by, ...newer.caused_by], MAX_CAUSES),
    coalesced: waiting.coalesced + newer.coalesced + 1,
    since: Date.parse(waiting.since) <= Date.parse(newer.since) ? waiting.since : newer.since,
  };
}

function highest(priorities: readonly (Accepted["priority"] | undefined)[]): Accepted["priority"] {
  return PRIORITIES.findLast((priority) => priorities.includes(priority)) ?? "medium";
}

function distinct<T>(values: readonly T[], most: number): T[] {
  return [...new Set(values)].slice(0, most);
}
