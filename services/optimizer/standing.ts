import { MAX_LISTED_WINDOWS, type TrialResult } from "../../shared/contracts/optimizer.ts";
import { PRUNERS, type PrunerName, windowOrder } from "../../shared/search/pruner.ts";
import { rowOf, type ScoredWindow, windowsOf } from "./row.ts";
import {
  type PlannedGeneration,
  type PlannedTask,
  type PlannedTrial,
  plannedGenerations,
  type Study,
  searchCutoffs,
  type TaskResults,
  taskKey,
} from "./state.ts";

/** What earlier runs have found for this very config and window; undefined where it has to be evaluated. */
export type KnownWindows = (trial: PlannedTrial, cutoff: number) => ScoredWindow | undefined;

export const NOTHING_KNOWN: KnownWindows = () => undefined;

export interface EvaluatedWindow extends ScoredWindow {
  readonly cutoff: number;
}

/**
 * `open`: a task of it has no result; `complete`: evaluated on every window; `failed`: it scores infinite; `pruned`:
 * given up after a rung.
 */
export type TrialStatus = "open" | "complete" | "failed" | "pruned";

export interface TrialStanding {
  readonly trial: PlannedTrial;
  readonly status: TrialStatus;
  readonly prunedBecause: string | undefined;
  /** windows that this run has evaluated, as far as results list them */
  readonly evaluated: readonly EvaluatedWindow[];
  /** per window in the order of `WindowPlan`, as far as it was evaluated */
  readonly losses: readonly (number | null)[];
  /** undefined before anything is known of it; put together when it is asked for */
  readonly row: TrialResult | undefined;
  /** its row as it was after a rung */
  readonly rowAfter: (rung: number) => TrialResult;
}

export interface GenerationStanding {
  readonly phase: PlannedGeneration["phase"];
  readonly trials: readonly TrialStanding[];
  /** tasks without a result, each of which can be worked on now */
  readonly open: readonly PlannedTask[];
}

/** The windows of a study, in the order and the parts in which its trials are evaluated on them. */
export interface WindowPlan {
  readonly cutoffs: readonly number[];
  /** windows that a trial has seen after each rung */
  readonly rungs: readonly number[];
  readonly prune: PrunerName;
}

/** More windows than a result lists one by one cannot be compared one by one. */
export function windowPlan(study: Study): WindowPlan {
  const ascending = searchCutoffs(study);
  const { prune, seed } = study.search;
  if (prune === "none" || ascending.length > MAX_LISTED_WINDOWS)
    return { cutoffs: ascending, rungs: [ascending.length], prune: "none" };
  const cutoffs = windowOrder(ascending.length, seed).map((i) => ascending[i]!);
  return { cutoffs, rungs: PRUNERS[prune].rungs(ascending.length), prune };
}

/**
 * How far each generation is. A rung is decided once all its trials have a result, and from nothing but committed
 * results, so everybody who asks prunes the same trials, whoever did the work and in whatever order. (A-OPT-7)
 *
 * A generation is only looked at once all before it are complete, or the search fell back.
 */
export function standingOf(
  study: Study,
  results: TaskResults<TrialResult>,
  known: KnownWindows = NOTHING_KNOWN,
): GenerationStanding[] {
  const windows = windowPlan(study);
  const finished: TrialStanding[] = [];
  return plannedGenerations(study).map((generation) => {
    const standing = generationStanding(study, windows, generation, results, known, finished);
    finished.push(...standing.trials.filter(({ status }) => status === "complete"));
    return standing;
  });
}

interface Contender {
  readonly trial: PlannedTrial;
  readonly results: TrialResult[];
  /** by rung */
  readonly reused: ScoredWindow[][];
  /** in the order of the windows */
  losses: (number | null)[];
  /** windows that this run has evaluated */
  readonly evaluated: EvaluatedWindow[];
  status: TrialStatus;
  prunedBecause: string | undefined;
}

function generationStanding(
  study: Study,
  windows: WindowPlan,
  { phase, trials }: PlannedGeneration,
  results: TaskResults<TrialResult>,
  known: KnownWindows,
  finished: readonly TrialStanding[],
): GenerationStanding {
  const contenders = trials.map(
    (trial): Contender => ({
      ...{ trial, results: [], reused: [], losses: [], evaluated: [] },
      ...{ status: "open", prunedBecause: undefined },
    }),
  );
  const open: PlannedTask[] = [];
  windows.rungs.forEach((size, rung) => {
    if (open.length > 0) return;
    const isLastRung = rung === windows.rungs.length - 1;
    const part = windows.cutoffs.slice(windows.rungs[rung - 1] ?? 0, size);
    const alive = contenders.filter(({ status }) => status === "open");
    for (const each of alive) {
      const task = advance(each, rung, part, results, known, isLastRung);
      if (task !== undefined) open.push(task);
      else if (isLastRung && each.status === "open") each.status = "complete";
    }
    const left = alive.filter(({ status }) => status === "open");
    if (open.length === 0 && !isLastRung) prune(windows.prune, left, finished, size);
  });
  return { phase, open, trials: contenders.map((each) => standingOfTrial(study, each)) };
}

function prune(
  pruner: PrunerName,
  left: readonly Contender[],
  finished: readonly TrialStanding[],
  size: number,
): void {
  const dropped = PRUNERS[pruner].drop(
    left.map(({ trial, losses }) => ({ number: trial.number, losses })),
    finished.map(({ trial, losses }) => ({ number: trial.number, losses: losses.slice(0, size) })),
  );
  const reasons = new Map(dropped.map(({ number, because }) => [number, because]));
  for (const each of left) {
    each.prunedBecause = reasons.get(each.trial.number);
    if (each.prunedBecause !== undefined) each.status = "pruned";
  }
}

/** Takes in what is known of one rung of a trial. @returns the task that has to be done first, if there is one */
function advance(
  contender: Contender,
  rung: number,
  part: readonly number[],
  results: TaskResults<TrialResult>,
  known: KnownWindows,
  isLastRung: boolean,
): PlannedTask | undefined {
  const { trial } = contender;
  const found = part.map((cutoff) => known(trial, cutoff));
  const cutoffs = part.filter((_, i) => found[i] === undefined);
  const result = cutoffs.length === 0 ? undefined : results.get(taskKey({ number: trial.number, rung }));
  if (cutoffs.length > 0 && result === undefined) {
    const artifact = contender.results[0]?.artifact ?? undefined;
    return { trial, rung, cutoffs, artifact, isLastRung };
  }
  contender.reused.push(found.filter((each) => each !== undefined));
  const evaluated = result === undefined ? [] : windowsOf(result);
  if (result !== undefined) contender.results.push(result);
  contender.evaluated.push(...evaluated.map((each, i) => ({ ...each, cutoff: cutoffs[i]! })));
  if (result?.rmse === null) contender.status = "failed";
  let next = 0;
  const losses = found.map((each) => (each ?? evaluated[next++])?.loss ?? null);
  contender.losses = [...contender.losses, ...losses];
  return undefined;
}

function standingOfTrial(study: Study, contender: Contender): TrialStanding {
  const { trial, results, reused, losses, evaluated, status, prunedBecause } = contender;
  const rowAfter = (rung: number) => {
    const upTo = {
      results: results.filter((each) => (each.rung ?? 0) <= rung),
      reused: reused.slice(0, rung + 1),
    };
    const row = rowOf(study, { trial, results: upTo.results, reused: upTo.reused.flat() });
    return { ...row, rung: Math.min(rung, reused.length - 1) };
  };
  let row: TrialResult | undefined;
  return {
    ...{ trial, status, prunedBecause, losses, evaluated, rowAfter },
    get row() {
      if (reused.length > 0) row ??= rowAfter(reused.length - 1);
      return row;
    },
  };
}
