import { afterThat } from "../../../shared/contracts/spec-remedies.ts";
import type { Evaluated } from "../../../shared/contracts/trigger.ts";
import { addHandled, isHandled, lastHandled } from "../handled.ts";
import { type ArbiterState, initialArbiter, type Wish } from "../state.ts";
import { copyOf, firstAsked, withoutCopies } from "./copies.ts";
import { started } from "./following.ts";
import { blocker, blockOf } from "./rules.ts";
import { openedBy, startOf } from "./start.ts";
import { dueSchedules } from "./timetable.ts";
import {
  acceptance,
  type Beginning,
  type Block,
  type Circumstances,
  type Decision,
  refusal,
  type Verdict,
} from "./verdict.ts";
import { joined, type ManualRequest, wishOfEvaluation, wishOfPeople, wishOfSchedules } from "./wish.ts";

/**
 * Answers requests of people for one forecaster: however many there are, one run and at most one refusal for each
 * kind of answer. No cool-down, budget or window holds them (A-TRG-6), a run that is on does, and so does being a copy
 * of the request that the last run answered. A wish that waited is dropped when a person's run begins.
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
  const handled = { ...state, requests: addHandled(state.requests, sequences) };
  const { copies, others, last_asked } = withoutCopies(handled.last_asked, fresh);
  const events: Verdict[] = [];
  const repeated = wishOfPeople(copies, circumstances.atMs);
  if (repeated !== undefined && last_asked !== null) {
    const block = blockOf(handled, repeated, circumstances) ?? copyOf(last_asked);
    events.push(refusal(handled, repeated, block, circumstances, false));
  }
  const next = { ...handled, last_asked };
  const asked = wishOfPeople(others, circumstances.atMs);
  if (asked === undefined) return { state: next, events };
  const answer = answerPeople(next, asked, circumstances);
  const run = answer.state.active?.run;
  const begun = run !== undefined && run !== state.active?.run;
  return {
    state: begun ? { ...answer.state, last_asked: firstAsked(others, run) } : answer.state,
    events: [...events, ...answer.events],
  };
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
 * Answers an evaluation. One that asks for a run gets it, or waits for a window together with what waits already, or
 * is refused: what keeps it back (a cool-down, a run that is on) is told once, not at every evaluation, as those have
 * their own receipts. One that asks for none ends the wait of those before it.
 *
 * Idempotent: an evaluation handled before changes nothing, nor does one that says no and comes after a newer yes.
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
  if (isHandled(state.evaluations, sequence)) return { state, events: [] };
  const handled = { ...state, evaluations: addHandled(state.evaluations, [sequence]) };
  if (!evaluated.should_optimize) {
    const { pending } = state;
    if (pending === null || lasts(pending) || sequence < lastHandled(state.evaluations))
      return { state, events: [] };
    const message = "a later evaluation finds nothing that asks for a run";
    return drop(handled, pending, { reason: "recovered", message }, circumstances);
  }
  const wish = wishOfEvaluation(evaluated, { sequence, storedMs }, circumstances);
  const block = blockOf(handled, wish, circumstances);
  if (block === undefined) return startOrWait(handled, joined(handled.pending, wish), circumstances);
  const refused_for = blocker(handled, wish, block);
  if (state.refused_for === refused_for) return { state: handled, events: [] };
  return {
    state: { ...handled, refused_for },
    events: [refusal(handled, wish, block, circumstances, false)],
  };
}

/**
 * What the passing of time asks for: scheduled runs, each missed time caught up at most once, and the start of what
 * waited for a window. What waited is checked anew then, and dropped with a receipt where it may not run any more.
 *
 * Idempotent, and the same whichever process comes first: a scheduled time is dealt with once, and its run's id
 * derives from it. Returns the same state where nothing is due.
 */
export function decideTick(state: ArbiterState, circumstances: Circumstances): Decision {
  const events: Verdict[] = [];
  let next = state;
  if (next.pending !== null) {
    const block = blockOf(next, next.pending, circumstances);
    if (block !== undefined) {
      const dropped = drop(next, next.pending, block, circumstances);
      next = dropped.state;
      events.push(...dropped.events);
    }
  }
  const { spec, atMs } = circumstances;
  if (spec === undefined) return { state: next, events };
  const { handled, due } = dueSchedules(state.schedules, spec.trigger.schedule, atMs);
  if (handled !== state.schedules) next = { ...next, schedules: handled };
  let wish = next.pending;
  if (due.length > 0 && spec.enabled) {
    const scheduled = wishOfSchedules(due, spec);
    const block = blockOf(next, scheduled, circumstances);
    if (block === undefined) wish = joined(wish, scheduled);
    else events.push(refusal(next, scheduled, block, circumstances, false));
  }
  if (wish === null) return { state: next, events };
  const decision = startOrWait(next, wish, circumstances);
  return { state: decision.state, events: [...events, ...decision.events] };
}

/** What an evaluation that finds nothing does not call off. */
function lasts({ cause }: Wish): boolean {
  return cause === "schedule" || cause === "escalation";
}

function answerPeople(state: ArbiterState, wish: Wish, circumstances: Circumstances): Decision {
  const block = blockOf(state, wish, circumstances);
  if (block !== undefined) return { state, events: [refusal(state, wish, block, circumstances, false)] };
  const { pending } = state;
  const accepted = begin(state, wish, circumstances, { waited: false, window: undefined });
  if (pending === null) return accepted;
  const by = wish.requested_by ?? "a person";
  const message = `a run that ${by} asked for began at ${wish.since}`;
  const run = accepted.state.active?.run;
  const gone: Block = {
    reason: "superseded-by-person",
    message,
    ...(run === undefined ? {} : { active_run: run }),
  };
  return {
    state: accepted.state,
    events: [...accepted.events, refusal(state, pending, gone, circumstances, true)],
  };
}

/** For a wish that nothing forbids: it starts, or is what waits from now on. */
function startOrWait(state: ArbiterState, wish: Wish, circumstances: Circumstances): Decision {
  const { spec, atMs } = circumstances;
  if (spec === undefined) return { state, events: [] };
  const startMs = startOf(wish, spec.trigger, atMs);
  if (startMs !== atMs)
    return { state: wish === state.pending ? state : { ...state, pending: wish }, events: [] };
  const waited = state.pending !== null;
  return begin(state, wish, circumstances, { waited, window: openedBy(wish, spec.trigger, atMs) });
}

function begin(
  state: ArbiterState,
  wish: Wish,
  circumstances: Circumstances,
  how: Omit<Beginning, "escalates_to">,
): Decision {
  const { atMs, machineMs } = circumstances;
  const escalates_to = escalation(wish, circumstances);
  const event = acceptance(state, wish, circumstances, { ...how, escalates_to });
  return {
    state: started(state, event.data.run_id, { ...wish, escalates_to }, atMs, machineMs),
    events: [event],
  };
}

/** What a person asked for is not followed by what nobody asked for. */
function escalation({ cause, action }: Wish, { spec }: Circumstances): Beginning["escalates_to"] {
  if (cause === "manual" || spec?.trigger.remedy.escalate !== true) return null;
  return afterThat(action) ?? null;
}

function drop(state: ArbiterState, wish: Wish, block: Block, circumstances: Circumstances): Decision {
  return {
    state: { ...state, pending: null, refused_for: blocker(state, wish, block) },
    events: [refusal(state, wish, block, circumstances, true)],
  };
}
