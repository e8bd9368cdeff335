import type { CloudEvent, StepData } from "../../../shared/contracts/envelope.ts";
import { parseStepSubject, type Step, TERMINAL_STEPS } from "../../../shared/contracts/subjects.ts";
import type { Accepted, Refused } from "../../../shared/contracts/trigger.ts";
import { Validated } from "../../../shared/contracts/validator.ts";
import { addHandled, handledUpTo } from "../handled.ts";
import type { ActiveRun, ArbiterState, EndedRun, Wish } from "../state.ts";
import { automaticRuns } from "./rules.ts";
import { scheduleKey } from "./timetable.ts";
import { wishOfEscalation } from "./wish.ts";

const MAX_ENDED = 20;
/** A spec's `weekly_budget` is no greater, so that no more have to be remembered. */
const MAX_AUTOMATIC = 1_000;

/** A step of a run as DECISIONS has it. */
export interface StoredStep {
  readonly subject: string;
  readonly sequence: number;
  /** When the server stored it. */
  readonly storedMs: number;
  readonly event: CloudEvent<StepData>;
}

/** The state in which the run of a wish has begun. Nothing else waits then. */
export function started(
  state: ArbiterState,
  run: string,
  { cause, action, escalates_to }: Pick<ActiveRun, "action" | "escalates_to"> & Pick<Wish, "cause">,
  atMs: number,
  storedMs: number,
): ArbiterState {
  const at = new Date(atMs).toISOString();
  const first_deployment = cause === "first-deployment";
  const triggered = cause === "trigger" || first_deployment;
  return {
    ...state,
    active: {
      run,
      step: "accepted",
      step_sequence: 0,
      step_stored_at: storedMs,
      accepted_stored_at: storedMs,
      first_deployment,
      action,
      escalates_to,
    },
    pending: null,
    last_triggered_at: triggered ? at : state.last_triggered_at,
    last_first_at: first_deployment ? at : state.last_first_at,
    automatic_at:
      cause === "manual" ? state.automatic_at : [...automaticRuns(state, atMs), atMs].slice(-MAX_AUTOMATIC),
    refused_for: null,
  };
}

/**
 * Follows the runs: how far the active one is, when it ends and what it took, what shall follow where it was not
 * approved, when a search last completed, when a person last decided. A run that this state does not know as active is somebody else's history and changes nothing
 * but the last two.
 */
export function foldStep(state: ArbiterState, message: StoredStep): ArbiterState {
  const parts = parseStepSubject(message.subject);
  if (parts === undefined || parts.forecaster !== state.forecaster) return state;
  const { time, data } = message.event;
  let next = state;
  if (parts.step === "searched") next = later(next, "last_optimized_at", time);
  if (isPersons(parts.step, data)) next = later(next, "person_decided_at", time);
  const { active } = next;
  if (active?.run !== parts.run) return next;
  if (TERMINAL_STEPS.includes(parts.step)) {
    const pending = wishOfEscalation(active, parts.step, message);
    const ended = withEnd(next.ended, active, parts.step, message.storedMs);
    return { ...next, active: null, pending: pending ?? next.pending, ended };
  }
  if (message.sequence <= active.step_sequence) return next;
  return { ...next, active: advanced(active, parts.step, message) };
}

/**
 * Takes a step from the beginning of history in order: for a state that was lost. Unlike `foldStep` it believes an
 * `accepted` event.
 *
 * A step proves that the state had gone on to it, so what lies before it counts as handled: old evaluations must not
 * start a run now. A refusal as unknown proves nothing but its causes, as it was made without a state. A wish that
 * waited left no step and is gone; the next evaluation makes it anew.
 */
export function rebuildStep(state: ArbiterState, message: StoredStep): ArbiterState {
  const parts = parseStepSubject(message.subject);
  if (parts === undefined || parts.forecaster !== state.forecaster) return state;
  const {
    cause = "manual",
    action = "search",
    escalates_to = null,
    reason,
    caused_by,
    schedules,
  } = message.event.data as StepData & Partial<Refused> & Partial<Pick<Accepted, "action" | "escalates_to">>;
  if (parts.step === "refused" && reason === "unknown-forecaster")
    return { ...state, requests: addHandled(state.requests, caused_by) };
  const next = {
    ...withScheduled(state, schedules),
    requests: handledUpTo(state.requests, message.sequence),
    evaluations: handledUpTo(state.evaluations, message.sequence),
  };
  if (parts.step === "refused" && cause === "escalation") return { ...next, pending: null };
  if (parts.step !== "accepted") return foldStep(next, message);
  return started(
    next,
    parts.run,
    { cause, action, escalates_to },
    Date.parse(message.event.time),
    message.storedMs,
  );
}

/** A rollback that a person asked for, and a person's word on a held run. */
function isPersons(step: Step, { evidence, cause }: StepData): boolean {
  if (step === "rolled-back") return cause === "manual";
  return (step === "approved" || step === "rejected") && typeof evidence.decided_by === "string";
}

function later(
  state: ArbiterState,
  key: "last_optimized_at" | "person_decided_at",
  time: string,
): ArbiterState {
  const known = state[key];
  return known !== null && Date.parse(known) >= Date.parse(time) ? state : { ...state, [key]: time };
}

function advanced(active: ActiveRun, step: Step, { sequence, storedMs, event }: StoredStep): ActiveRun {
  const { next_stage, optimization_time_seconds } = event.data;
  const said = Validated.shape.next_stage.safeParse(next_stage).data;
  const searched = Validated.shape.optimization_time_seconds.safeParse(optimization_time_seconds).data;
  return {
    ...active,
    step,
    step_sequence: sequence,
    step_stored_at: storedMs,
    ...(said === undefined ? {} : { next_stage: said }),
    ...(searched === undefined ? {} : { search_seconds: searched }),
  };
}

/** A run begun under an older version does not say when. */
function withEnd(
  ended: readonly EndedRun[],
  { run, accepted_stored_at, search_seconds }: ActiveRun,
  end: Step,
  storedMs: number,
): EndedRun[] {
  if (accepted_stored_at === undefined) return [...ended];
  const seconds = Math.max(0, storedMs - accepted_stored_at) / 1_000;
  return [...ended, { run, end, seconds, search_seconds: search_seconds ?? null }].slice(-MAX_ENDED);
}

function withScheduled(state: ArbiterState, times: Refused["schedules"] = []): ArbiterState {
  const schedules = { ...state.schedules };
  for (const time of times) {
    const key = scheduleKey(time);
    schedules[key] = Math.max(schedules[key] ?? 0, Date.parse(time.at));
  }
  return { ...state, schedules };
}
