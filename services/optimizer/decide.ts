import { durationMs } from "../../shared/contracts/duration.ts";
import type { TrialResult } from "../../shared/contracts/optimizer.ts";
import { type FiniteTrial, failureCauses, selectBest } from "./select.ts";
import { type PlannedTrial, phaseOf, plannedTrials, type Study } from "./state.ts";

export type Decision =
  | { readonly kind: "wait"; readonly missing: readonly PlannedTrial[]; readonly untilMs: number }
  | { readonly kind: "fall-back"; readonly because: string }
  | { readonly kind: "searched"; readonly winner: FiniteTrial }
  | { readonly kind: "failed"; readonly cause: string };

/**
 * What a study needs next.
 *
 *     search    a trial ran out of memory        fall back at once (A-OPT-4)
 *               every trial has a result         searched, or failed where none is finite (A-OPT-2)
 *               time limit over                  fall back (A-OPT-3)
 *     fallback  every trial has a result         searched, with the results of both searches, or failed
 *               its own time limit over          give up: failed, the champion stays (A-OPT-3)
 *
 * @param results by trial number; those of trials not planned are ignored
 * @param nowMs   machine time
 */
export function decide(study: Study, results: ReadonlyMap<number, TrialResult>, nowMs: number): Decision {
  const planned = plannedTrials(study);
  const phase = phaseOf(study);
  const known = planned.flatMap(({ number }) => results.get(number) ?? []);
  const missing = planned.filter((trial) => trial.phase === phase && !results.has(trial.number));
  const { memory_limit_mb, time_limit, fallback } = study.search;

  if (phase === "search") {
    const starved = known.find((each) => each.out_of_memory);
    if (starved !== undefined) {
      return {
        kind: "fall-back",
        because: `trial ${starved.number} ran out of its memory of ${memory_limit_mb} MB`,
      };
    }
  }
  if (missing.length === 0) {
    const winner = selectBest(known);
    if (winner !== undefined) return { kind: "searched", winner };
    return { kind: "failed", cause: `all ${known.length} trials failed: ${failureCauses(known)}` };
  }
  const limit = phase === "search" ? time_limit : fallback.time_limit;
  const untilMs = (study.fallback?.started_at_ms ?? study.started_at_ms) + durationMs(limit);
  if (nowMs < untilMs) return { kind: "wait", missing, untilMs };

  const all = planned.filter((trial) => trial.phase === phase).length;
  const progress = `${all - missing.length} of ${all} trials were done after ${limit}`;
  if (phase === "search") return { kind: "fall-back", because: `time limit: ${progress}` };
  const cause = `gave up, the champion stays: first search ended (${study.fallback?.because}), then in the smaller one ${progress}`;
  return { kind: "failed", cause };
}
