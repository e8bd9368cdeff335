import { durationMs } from "../../shared/contracts/duration.ts";
import type { Training, TrialResult } from "../../shared/contracts/optimizer.ts";
import { nextGeneration } from "../../shared/forecasting/search-plan.ts";
import type { Point } from "../../shared/search/space.ts";
import { observationsOf } from "./observations.ts";
import { type FiniteTrial, failureCauses, selectBest } from "./select.ts";
import {
  type GenerationStanding,
  type KnownWindows,
  NOTHING_KNOWN,
  standingOf,
  windowPlan,
} from "./standing.ts";
import { type PlannedTask, phaseOf, plannedTrials, type Study, type TaskResults, taskKey } from "./state.ts";
import { rowsOf } from "./table.ts";

export type Decision =
  | { readonly kind: "wait"; readonly missing: readonly PlannedTask[]; readonly untilMs: number }
  | { readonly kind: "plan"; readonly points: readonly Point[] }
  | { readonly kind: "fall-back"; readonly because: string }
  | { readonly kind: "train"; readonly winner: FiniteTrial }
  | {
      readonly kind: "searched";
      readonly winner: FiniteTrial;
      readonly artifact: string | null;
      /** of the artifact, where it was trained for this */
      readonly training?: Training | undefined;
    }
  | { readonly kind: "failed"; readonly cause: string };

/**
 * What a study needs next.
 *
 *     search    a trial ran out of memory          fall back at once (A-OPT-4)
 *               a generation has all its results   the next one is planned from them
 *               every trial has its results        its winner, or failed where none is finite (A-OPT-2)
 *               time limit over                    fall back (A-OPT-3)
 *               … and it is no search              failed: there is no other trial
 *     fallback  every trial has its results        the winner of both searches, or failed
 *               its own time limit over            give up: failed, the champion stays (A-OPT-3)
 *     winner    of a family that is trained        trained once more on all that the search may see
 *               else, or once trained              searched
 *
 * @param results by `taskKey`; those of tasks not planned are ignored
 * @param nowMs   machine time
 */
export function decide(
  study: Study,
  results: TaskResults<TrialResult>,
  nowMs: number,
  known: KnownWindows = NOTHING_KNOWN,
): Decision {
  const phase = phaseOf(study);
  const standing = standingOf(study, results, known);
  if (phase === "final") return decideFinal(study, standing, results, nowMs);
  const { memory_limit_mb, time_limit, fallback } = study.search;
  if (phase === "search") {
    const starved = [...results.values()].find((each) => each.phase === "search" && each.out_of_memory);
    if (starved !== undefined) {
      return withoutMore(study, `trial ${starved.number} ran out of its memory of ${memory_limit_mb} MB`);
    }
  }
  const missing = standing.filter((each) => each.phase === phase).flatMap(({ open }) => open);
  const limit = phase === "search" ? time_limit : fallback.time_limit;
  const untilMs = (study.fallback?.started_at_ms ?? study.started_at_ms) + durationMs(limit);
  if (missing.length === 0) {
    const rows = rowsOf(study, standing);
    const points = phase === "search" ? nextGeneration(study.plan, observationsOf(standing, rows)) : [];
    if (points.length === 0) return conclusion(study, rows);
    if (nowMs < untilMs) return { kind: "plan", points };
  }
  if (nowMs < untilMs) return { kind: "wait", missing, untilMs };

  const progress = `${progressOf(study, standing)} after ${limit}`;
  if (phase === "search") return withoutMore(study, `time limit: ${progress}`);
  const cause = `gave up, the champion stays: first search ended (${study.fallback?.because}), then in the smaller one ${progress}`;
  return { kind: "failed", cause };
}

/** A search goes on with cheaper trials. A refit has no other trial than the one it was asked for. */
function withoutMore({ action }: Study, because: string): Decision {
  if (action === "search") return { kind: "fall-back", because };
  return { kind: "failed", cause: `gave up the ${action}, the champion stays: ${because}` };
}

function conclusion(study: Study, rows: readonly TrialResult[]): Decision {
  const winner = selectBest(rows);
  if (winner === undefined)
    return { kind: "failed", cause: `all ${rows.length} trials failed: ${failureCauses(rows)}` };
  if (study.trained.includes(modelOf(study, winner))) return { kind: "train", winner };
  return { kind: "searched", winner, artifact: study.artifacts[modelOf(study, winner)] ?? null };
}

/** The winner's training on everything before the hold-out is a task of its own, after its last rung. */
function decideFinal(
  study: Study,
  standing: readonly GenerationStanding[],
  results: TaskResults<TrialResult>,
  nowMs: number,
): Decision {
  const { number, started_at_ms } = study.final!;
  const winner = selectBest(rowsOf(study, standing).filter((each) => each.number === number));
  if (winner === undefined)
    return { kind: "failed", cause: `the results of trial ${number}, which was the best, are gone` };
  const task = finalTask(study, number);
  const result = results.get(taskKey({ number, rung: task.rung }));
  if (result !== undefined) {
    const { artifact, training, error = "no reason was given" } = result;
    if (artifact != null) return { kind: "searched", winner, artifact, training };
    return {
      kind: "failed",
      cause: `trial ${number} was the best, but could not be trained on the whole history: ${error}`,
    };
  }
  const { time_limit } = study.search;
  const untilMs = started_at_ms + durationMs(time_limit);
  if (nowMs < untilMs) return { kind: "wait", missing: [task], untilMs };
  return {
    kind: "failed",
    cause: `gave up, the champion stays: training trial ${number}, the best, on the whole history took longer than ${time_limit}`,
  };
}

/** The task that trains a trial's config once more. */
export function finalTask(study: Study, number: number): PlannedTask {
  const trial = plannedTrials(study).find((each) => each.number === number)!;
  return { trial, rung: windowPlan(study).rungs.length, cutoffs: [], isLastRung: true };
}

function modelOf({ plan }: Study, { model }: TrialResult) {
  return model ?? plan.model;
}

function progressOf(study: Study, standing: readonly GenerationStanding[]): string {
  const phase = phaseOf(study);
  const trials = standing.filter((each) => each.phase === phase).flatMap((each) => each.trials);
  const all = phase === "search" ? study.plan.size : trials.length;
  return `${trials.filter(({ status }) => status !== "open").length} of ${all} trials were done`;
}
