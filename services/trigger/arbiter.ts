import { durationMs } from "../../shared/contracts/duration.ts";
import type { CloudEvent, Evidence, StepData } from "../../shared/contracts/envelope.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { parseStepSubject, TERMINAL_STEPS } from "../../shared/contracts/subjects.ts";
import {
  type Accepted,
  type Evaluated,
  PRIORITIES,
  type Refused,
  type RetrainRequest,
} from "../../shared/contracts/trigger.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { deriveUuidV7 } from "../../shared/ids.ts";
import { addHandled, handledUpTo, isHandled } from "./handled.ts";
import { type ArbiterState, initialArbiter } from "./state.ts";

/** Sequences a receipt names, reasons it repeats: the count is in `coalesced`. */
const MAX_CAUSES = 100;
const MAX_REASONS = 20;

export interface Decision {
  readonly state: ArbiterState;
  readonly events: readonly Verdict[];
}

/** One event to publish on `retrain.<step>.<forecaster>.<run>`. */
export type Verdict =
  | { readonly step: "accepted"; readonly data: Accepted }
  | { readonly step: "refused"; readonly data: Refused };

/** What a decision is made with besides the state. */
export interface Circumstances {
  /** undefined: there is no forecaster of this id */
  readonly spec: ForecasterSpec | undefined;
  /** Time of the decision: starts and ends the cool-down. */
  readonly atMs: number;
  readonly evidence: Evidence;
}

export interface ManualRequest {
  readonly sequence: number;
  /** When the server stored it. */
  readonly storedMs: number;
  readonly request: RetrainRequest;
}

type Cause = Accepted["cause"];
type Block = Pick<Refused, "reason" | "message" | "active_run">;

/**
 * Answers requests of people for one forecaster: however many there are, one run and at most one refusal for each
 * kind of answer. A cool-down does not hold them (A-TRG-6), a run that is on does.
 *
 * Idempotent: a request handled before, alone or in another batch, changes nothing. The run's id derives from the
 * first request it answers.
 *
 * @param requests in order of their sequences, all for `state.forecaster`
 */
export function decideRequests(
  state: ArbiterState,
  requests: readonly ManualRequest[],
  circumstances: Circumstances,
): Decision {
  const fresh = requests.filter(({ sequence }) => !isHandled(state.requests, sequence));
  if (fresh.length === 0) return { state, events: [] };
  const sequences = fresh.map(({ sequence }) => sequence);
  let next: ArbiterState = { ...state, requests: addHandled(state.requests, sequences) };
  const events: Verdict[] = [];
  const groups = [
    fresh.filter(({ request }) => request.action !== "search"),
    fresh.filter(({ request }) => request.action === "search"),
  ];
  for (const group of groups) {
    const [first] = group;
    if (first === undefined) continue;
    const decision = settle(next, "manual", group, first, circumstances);
    next = decision.state;
    events.push(...decision.events);
  }
  return { state: next, events };
}

/**
 * Refuses requests for a forecaster that has neither spec nor state, without beginning a state: anybody can make ids
 * up. One refusal for each request, whose id derives from that request alone, so it comes once however often and in
 * whatever company the request is delivered.
 */
export function refuseUnknown(
  forecaster: string,
  requests: readonly ManualRequest[],
  circumstances: Circumstances,
): Verdict[] {
  const bySequence = new Map(requests.map((each) => [each.sequence, each]));
  return [...bySequence.values()].flatMap((request) => [
    ...decideRequests(initialArbiter(forecaster), [request], { ...circumstances, spec: undefined }).events,
  ]);
}

/**
 * Answers an evaluation that asks for a run. What keeps it back (a cool-down, a run that is on) is told once, not
 * at every evaluation: those have their own receipts.
 *
 * @param sequence of the `evaluated` event in DECISIONS
 * @param storedMs when the server stored it
 */
export function decideEvaluated(
  state: ArbiterState,
  evaluated: Evaluated,
  { sequence, storedMs }: { sequence: number; storedMs: number },
  circumstances: Circumstances,
): Decision {
  if (!evaluated.should_optimize || isHandled(state.evaluations, sequence)) return { state, events: [] };
  const cause: Cause = evaluated.cause === "first-deployment" ? "first-deployment" : "trigger";
  const severities = evaluated.detectors.flatMap(({ fired, severity }) =>
    fired && severity ? [severity] : [],
  );
  const request: RetrainRequest = {
    action: "search",
    priority: PRIORITIES.findLast((priority) => severities.includes(priority)) ?? "medium",
  };
  const handled = { ...state, evaluations: addHandled(state.evaluations, [sequence]) };
  const first = { sequence, storedMs, request };
  const decision = settle(handled, cause, [first], first, circumstances, evaluated.reasons);
  const [event] = decision.events;
  if (event?.step !== "refused") return decision;
  const blocker = `${event.data.reason}:${event.data.active_run ?? lastAttempt(state, cause) ?? ""}`;
  if (state.refused_for === blocker) return { state: handled, events: [] };
  return { ...decision, state: { ...decision.state, refused_for: blocker } };
}

/**
 * Follows the runs: how far the active one is, when it ends, when a search last completed. A run that this state
 * does not know as active is somebody else's history and changes nothing but that.
 */
export function foldStep(
  state: ArbiterState,
  message: { subject: string; sequence: number; storedMs: number; event: CloudEvent<StepData> },
): ArbiterState {
  const parts = parseStepSubject(message.subject);
  if (parts === undefined || parts.forecaster !== state.forecaster) return state;
  let next = state;
  const { time } = message.event;
  if (parts.step === "searched" && Date.parse(time) > Date.parse(next.last_optimized_at ?? "1970-01-01"))
    next = { ...next, last_optimized_at: time };
  const { active } = next;
  if (active?.run !== parts.run) return next;
  if (TERMINAL_STEPS.includes(parts.step)) return { ...next, active: null };
  if (message.sequence <= active.step_sequence) return next;
  const { sequence: step_sequence, storedMs: step_stored_at } = message;
  const { next_stage } = message.event.data as StepData & { next_stage?: unknown };
  const said = Validated.shape.next_stage.safeParse(next_stage).data ?? active.next_stage;
  const next_step = { step: parts.step, step_sequence, step_stored_at };
  return {
    ...next,
    active: { ...active, ...next_step, ...(said === undefined ? {} : { next_stage: said }) },
  };
}

/**
 * Takes a step from the beginning of history in order: for a state that was lost. Unlike `foldStep` it believes an
 * `accepted` event.
 *
 * A step proves that the state had gone on to it, so what lies before it counts as handled: old evaluations must not
 * start a run now. A refusal as unknown proves nothing but its causes, as it was made without a state.
 */
export function rebuildStep(
  state: ArbiterState,
  message: { subject: string; sequence: number; storedMs: number; event: CloudEvent<StepData> },
): ArbiterState {
  const parts = parseStepSubject(message.subject);
  if (parts === undefined || parts.forecaster !== state.forecaster) return state;
  const { cause = "manual", reason, caused_by } = message.event.data as StepData & Partial<Refused>;
  if (parts.step === "refused" && reason === "unknown-forecaster")
    return { ...state, requests: addHandled(state.requests, caused_by) };
  const next = {
    ...state,
    requests: handledUpTo(state.requests, message.sequence),
    evaluations: handledUpTo(state.evaluations, message.sequence),
  };
  if (parts.step !== "accepted") return foldStep(next, message);
  return started(next, parts.run, cause, Date.parse(message.event.time), message.storedMs);
}

function settle(
  state: ArbiterState,
  cause: Cause,
  group: readonly ManualRequest[],
  first: ManualRequest,
  circumstances: Circumstances,
  reasons: readonly string[] = [],
): Decision {
  const { atMs, evidence } = circumstances;
  const block = whyNot(state, cause, first.request, circumstances);
  const common = {
    forecaster: state.forecaster,
    caused_by: group.slice(0, MAX_CAUSES).map(({ sequence }) => sequence),
    cause,
    coalesced: group.length - 1,
    evidence: { ...evidence, last_triggered_at: state.last_triggered_at },
  };
  const id = (answer: string) =>
    deriveUuidV7(first.storedMs, state.forecaster, cause, answer, String(first.sequence));
  if (block !== undefined) {
    const data: Refused = { ...common, run_id: id(block.reason), ...block };
    return { state, events: [{ step: "refused", data }] };
  }
  const run_id = id("accepted");
  const asked = group.flatMap(({ request }) => (request.reason === undefined ? [] : [request.reason]));
  const by = group.find(({ request }) => request.requested_by !== undefined)?.request.requested_by;
  const data: Accepted = {
    ...common,
    run_id,
    action: "search",
    priority: highest(group),
    reasons: [...new Set([...reasons, ...asked])].slice(0, MAX_REASONS),
    ...(by === undefined ? {} : { requested_by: by }),
  };
  return { state: started(state, run_id, cause, atMs, first.storedMs), events: [{ step: "accepted", data }] };
}

/** The one rule that keeps a run back, undefined where none does. */
function whyNot(
  state: ArbiterState,
  cause: Cause,
  { action }: RetrainRequest,
  { spec, atMs }: Circumstances,
): Block | undefined {
  const { forecaster, active } = state;
  if (spec === undefined)
    return { reason: "unknown-forecaster", message: `there is no forecaster '${forecaster}'` };
  if (!spec.enabled) return { reason: "disabled", message: `'${forecaster}' is disabled in its spec` };
  if (action !== "search") {
    const message = `action '${action}' is not supported yet, expected 'search'`;
    return { reason: "unsupported-action", message };
  }
  if (active !== null) {
    const message = `run ${active.run} of '${forecaster}' is on, at step '${active.step}'; one at a time`;
    return { reason: "run-active", message, active_run: active.run };
  }
  const last = lastAttempt(state, cause);
  const wait = cause === "first-deployment" ? spec.trigger.evaluate_every : spec.trigger.cooldown;
  if (last === null || Math.abs(atMs - Date.parse(last)) >= durationMs(wait)) return undefined;
  return {
    reason: "cool-down",
    message: `the last triggered run was accepted at ${last}; the next may be ${wait} later`,
  };
}

/** What a cool-down counts from: people are never held up, a first deployment only by an earlier attempt at it. */
function lastAttempt(state: ArbiterState, cause: Cause): string | null {
  if (cause === "manual") return null;
  return cause === "first-deployment" ? state.last_first_at : state.last_triggered_at;
}

function started(
  state: ArbiterState,
  run: string,
  cause: Cause,
  atMs: number,
  storedMs: number,
): ArbiterState {
  const at = new Date(atMs).toISOString();
  const first_deployment = cause === "first-deployment";
  return {
    ...state,
    active: { run, step: "accepted", step_sequence: 0, step_stored_at: storedMs, first_deployment },
    last_triggered_at: cause === "manual" ? state.last_triggered_at : at,
    last_first_at: first_deployment ? at : state.last_first_at,
    refused_for: null,
  };
}

function highest(group: readonly ManualRequest[]): Accepted["priority"] {
  return (
    PRIORITIES.findLast((priority) => group.some(({ request }) => request.priority === priority)) ?? "medium"
  );
}
