import type { Evidence } from "../../../shared/contracts/envelope.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Accepted, Refused } from "../../../shared/contracts/trigger.ts";
import { deriveUuidV7 } from "../../../shared/ids.ts";
import type { ArbiterState, Wish } from "../state.ts";

export interface Decision {
  readonly state: ArbiterState;
  readonly events: readonly Verdict[];
}

/** One event to publish on `retrain.<step>.<forecaster>.<run>`, dated when it was decided. */
export type Verdict = { readonly atMs: number } & (
  | { readonly step: "accepted"; readonly data: Accepted }
  | { readonly step: "refused"; readonly data: Refused }
);

/** What a decision is made with besides the state. */
export interface Circumstances {
  /** undefined: there is no forecaster of this id */
  readonly spec: ForecasterSpec | undefined;
  /** Time of the decision: starts and ends cool-downs, windows and budgets. */
  readonly atMs: number;
  /** The same moment on the clock that stamps the stream's messages. */
  readonly machineMs: number;
  readonly evidence: Evidence;
}

/** How a run begins: what let it, where it had to wait, and what follows where it is not approved. */
export type Beginning = Pick<Accepted, "window" | "escalates_to"> & { readonly waited: boolean };

/** Why a wish starts no run. */
export type Block = Pick<Refused, "reason" | "message" | "active_run">;

/**
 * The receipt of a run that begins.
 *
 * @param how whether the wish is one that waited, and what let it run now, where something had to
 */
export function acceptance(
  state: ArbiterState,
  wish: Wish,
  { evidence, atMs }: Circumstances,
  { waited, window, escalates_to }: Beginning,
): Verdict & { step: "accepted" } {
  const { action, priority, reasons, requested_by } = wish;
  const data: Accepted = {
    ...common(state, wish, evidence, "accepted"),
    ...since(wish, waited),
    action,
    escalates_to,
    priority,
    reasons,
    ...(requested_by === undefined ? {} : { requested_by }),
    ...(window === undefined ? {} : { window }),
  };
  return { step: "accepted", data, atMs };
}

/** The receipt of a wish that starts no run; `waited` as in `acceptance`. */
export function refusal(
  state: ArbiterState,
  wish: Wish,
  block: Block,
  { evidence, atMs }: Circumstances,
  waited: boolean,
): Verdict & { step: "refused" } {
  const data = { ...common(state, wish, evidence, block.reason), ...since(wish, waited), ...block };
  return { step: "refused", data, atMs };
}

function since(wish: Wish, waited: boolean): Pick<Accepted, "waited_since"> {
  return waited ? { waited_since: wish.since } : {};
}

/** A run's id derives from what was wished for first, so that a wish that is decided on again names it again. */
function common(state: ArbiterState, wish: Wish, evidence: Evidence, answer: string) {
  const { forecaster, last_triggered_at, person_decided_at, automatic_at } = state;
  const { cause, origin, stored_at, schedules, caused_by, coalesced } = wish;
  const decidedFrom = { last_triggered_at, person_decided_at, automatic_runs: automatic_at.length };
  return {
    run_id: deriveUuidV7(stored_at, forecaster, cause, answer, origin),
    forecaster,
    caused_by,
    cause,
    coalesced,
    ...(schedules === undefined ? {} : { schedules }),
    evidence: { ...evidence, ...decidedFrom },
  };
}
