import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { ArbiterState, Wish } from "../state.ts";
import { startOf } from "./start.ts";
import type { Block, Circumstances } from "./verdict.ts";

const WEEK_MS = 7 * 86_400_000;

/**
 * The first rule that keeps a wish from ever starting as things are, undefined where none does: it may have to wait
 * all the same (`startOf`).
 *
 * | rule                                        | holds                           |
 * | ------------------------------------------- | ------------------------------- |
 * | the forecaster is known and enabled         | everybody                       |
 * | one run at a time                           | everybody                       |
 * | nothing that a person has decided since     | evaluations                     |
 * | the cool-down                               | evaluations                     |
 * | the weekly budget                           | all but people                  |
 * | quiet windows that never end                | all but people                  |
 *
 * An escalation goes on with what was let run, so no cool-down holds it.
 */
export function blockOf(
  state: ArbiterState,
  wish: Wish,
  { spec, atMs }: Pick<Circumstances, "spec" | "atMs">,
): Block | undefined {
  const { forecaster, active } = state;
  if (spec === undefined)
    return { reason: "unknown-forecaster", message: `there is no forecaster '${forecaster}'` };
  if (!spec.enabled) return { reason: "disabled", message: `'${forecaster}' is disabled in its spec` };
  if (active !== null) {
    const message = `run ${active.run} of '${forecaster}' is on, at step '${active.step}'; one at a time`;
    return { reason: "run-active", message, active_run: active.run };
  }
  if (wish.cause === "manual") return undefined;
  const passes = wish.cause === "schedule" || wish.cause === "escalation";
  const cooling = passes ? undefined : coolDown(state, wish, spec, atMs);
  return cooling ?? overBudget(state, spec, atMs) ?? neverCalm(wish, spec, atMs);
}

/** When the cool-down of triggered runs ends; null where there is none. */
export function coolDownEndsMs(
  { last_triggered_at, person_decided_at }: ArbiterState,
  { trigger }: Pick<ForecasterSpec, "trigger">,
): number | null {
  const begun = [last_triggered_at, person_decided_at].flatMap((at) => (at === null ? [] : [Date.parse(at)]));
  return begun.length === 0 ? null : Math.max(...begun) + durationMs(trigger.cooldown);
}

/** Runs of the 7 days before `atMs` that no person asked for. A clock that went back makes none of them count for ever. */
export function automaticRuns({ automatic_at }: Pick<ArbiterState, "automatic_at">, atMs: number): number[] {
  return automatic_at.filter((each) => Math.abs(atMs - each) < WEEK_MS);
}

/** What a refusal is told once for: the run that is in the way, or what began the wait. */
export function blocker(state: ArbiterState, { cause }: Wish, block: Block): string {
  const begun = cause === "first-deployment" ? state.last_first_at : state.last_triggered_at;
  return `${block.reason}:${block.active_run ?? state.person_decided_at ?? ""}:${begun ?? ""}`;
}

function coolDown(
  { last_triggered_at, last_first_at, person_decided_at }: ArbiterState,
  { cause, since }: Wish,
  { trigger }: ForecasterSpec,
  atMs: number,
): Block | undefined {
  if (person_decided_at !== null) {
    const decided = Date.parse(person_decided_at);
    if (Date.parse(since) <= decided) {
      const message = `a person decided at ${person_decided_at}, after this had been asked for at ${since}`;
      return { reason: "superseded-by-person", message };
    }
    if (within(trigger.cooldown, decided, atMs)) {
      const message = `a person decided at ${person_decided_at}; the next triggered run may be ${trigger.cooldown} later`;
      return { reason: "cool-down", message };
    }
  }
  const first = cause === "first-deployment";
  const last = first ? last_first_at : last_triggered_at;
  const wait = first ? trigger.evaluate_every : trigger.cooldown;
  if (last === null || !within(wait, Date.parse(last), atMs)) return undefined;
  const message = `the last triggered run was accepted at ${last}; the next may be ${wait} later`;
  return { reason: "cool-down", message };
}

/** Whichever way the clock went: one that was set back does not hold a wish up for as long as it was wrong. */
function within(wait: string, fromMs: number, atMs: number): boolean {
  return Math.abs(atMs - fromMs) < durationMs(wait);
}

function overBudget(state: ArbiterState, { trigger }: ForecasterSpec, atMs: number): Block | undefined {
  const { weekly_budget } = trigger;
  const runs = automaticRuns(state, atMs);
  if (weekly_budget === null || runs.length < weekly_budget) return undefined;
  const oldest = runs.toSorted((a, b) => a - b).at(-weekly_budget)!;
  const next = new Date(oldest + WEEK_MS).toISOString();
  const message = `${runs.length} of ${weekly_budget} runs a week are used up; the next may be at ${next}`;
  return { reason: "budget", message };
}

function neverCalm(wish: Wish, { trigger }: ForecasterSpec, atMs: number): Block | undefined {
  if (startOf(wish, trigger, atMs) !== null) return undefined;
  return { reason: "quiet", message: "its windows leave no time at which it may run; see trigger.quiet" };
}
