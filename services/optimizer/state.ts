import { z } from "zod";
import { MODEL_FAMILIES } from "../../shared/contracts/live-config.ts";
import { DataSplit, MAX_LISTED_WINDOWS, type Phase, TrialTask } from "../../shared/contracts/optimizer.ts";
import { longestContext, SearchSpec } from "../../shared/contracts/spec.ts";
import { ModelAction } from "../../shared/contracts/spec-remedies.ts";
import { ArtifactDigest, RunId, Token } from "../../shared/contracts/subjects.ts";
import { Timestamp } from "../../shared/contracts/telemetry.ts";
import { planBacktest } from "../../shared/forecasting/backtest-plan.ts";
import type { SearchPlan } from "../../shared/forecasting/search-plan.ts";
import { configAt, type SearchedConfig } from "../../shared/forecasting/search-space.ts";
import type { Point } from "../../shared/search/space.ts";

const Points = z.array(z.custom<Point>((value) => typeof value === "object" && value !== null));

/**
 * Bucket `states`, key `study.<run>`, while the search of a run goes on: with the results of its trials all that any
 * optimizer needs to go on with it.
 */
export const Study = z.object({
  run_id: RunId,
  forecaster: Token,
  accepted_sequence: z.int().nonnegative(),
  action: ModelAction,
  started_at_ms: z.number().describe("machine time, so that a restart does not extend the time limit"),
  spec_revision: z.int().nonnegative(),
  search: SearchSpec,
  plan: z.custom<SearchPlan>((value) => typeof value === "object" && value !== null),
  artifacts: z
    .partialRecord(z.enum(MODEL_FAMILIES), ArtifactDigest)
    .describe("model files of families that are not trained"),
  pretrained: TrialTask.shape.pretrained,
  trained: z.array(z.enum(MODEL_FAMILIES)).describe("families whose trials train a model"),
  training: z.enum(["full", "incremental", "reweigh"]),
  parent: ArtifactDigest.nullable().describe("bundle that trainings go on from"),
  dataset: ArtifactDigest.describe("on the spec's grid of steps; a step without a value is null"),
  fleet: z.boolean(),
  grid: z.object({ step_ms: z.number().positive(), calendar: z.enum(["all", "weekdays"]) }),
  data: z.object({
    rows: z.int().nonnegative().describe("observations the buffer gave"),
    points: z.int().nonnegative().describe("steps they make"),
    from: Timestamp,
    to: Timestamp,
    last_sequence: z.int().nonnegative().describe("last TELEMETRY sequence the data has seen"),
    fleet: z
      .object({
        entities: z.int().nonnegative().describe("learnt from"),
        left_out: z.array(z.object({ entity: z.string().nullable(), reason: z.string() })),
        left_out_total: z.int().nonnegative(),
      })
      .optional()
      .describe("with entities: all, who is in and who is not, the first twenty by name (C-DAT-1, C-VAL-1)"),
  }),
  split: DataSplit,
  horizon: z.int().positive().describe("steps"),
  season_length: z.union([z.int().min(1), z.literal("auto")]),
  backtest_steps: z.int().positive(),
  naive_scale: z
    .number()
    .positive()
    .nullable()
    .describe(
      "what the MASE of a single series is scaled by; null for a fleet, and a series that repeats itself",
    ),
  losses: ArtifactDigest.nullable().describe("losses known from earlier runs when this one began"),
  adapted: z.array(z.string()).describe("how the search was made to fit the machine"),
  generations: z.array(Points).describe("the points that are planned so far"),
  fallback: z
    .object({
      because: z.string(),
      points: Points,
      started_at_ms: z.number(),
      cut: z.object({
        generation: z.int().nonnegative(),
        done: z.int().nonnegative(),
        planned: z.int().nonnegative(),
      }),
    })
    .nullable(),
  final: z
    .object({ number: z.int().nonnegative(), started_at_ms: z.number() })
    .nullable()
    .describe("the winner, once it is trained anew on all that the search may see"),
});
export type Study = z.infer<typeof Study>;

export const studyKey = (run: string) => `study.${run}`;

export function phaseOf(study: Study): Phase {
  if (study.final !== null) return "final";
  return study.fallback === null ? "search" : "fallback";
}

/** One row of the plan. */
export interface PlannedTrial extends SearchedConfig {
  readonly number: number;
  readonly generation: number;
  readonly phase: "search" | "fallback";
  readonly point: Point;
}

/** Trials that are raced against each other, in order of their numbers. */
export interface PlannedGeneration {
  readonly phase: PlannedTrial["phase"];
  readonly trials: readonly PlannedTrial[];
}

/** Every generation planned so far. The fallback is the last one; its numbers begin after all that the search may use. */
export function plannedGenerations(study: Study): PlannedGeneration[] {
  const { plan, generations, fallback } = study;
  const planned = (
    phase: PlannedTrial["phase"],
    points: readonly Point[],
    generation: number,
    from: number,
  ) => ({
    phase,
    trials: points.map((point, i) => ({
      ...{ number: from + i, generation, phase, point },
      ...configAt(plan, point),
    })),
  });
  let from = 0;
  const search = generations.map((points, g) => {
    const generation = planned("search", points, g, from);
    from += points.length;
    return generation;
  });
  if (fallback === null) return search;
  return [...search, planned("fallback", fallback.points, generations.length, Math.max(from, plan.size))];
}

/** Every trial planned so far, by number. */
export function plannedTrials(study: Study): PlannedTrial[] {
  return plannedGenerations(study).flatMap(({ trials }) => trials);
}

/** The search's windows: what is scored lies in the backtest's steps before the hold-out, behind what was trained on. */
export function searchCutoffs({ split, horizon, backtest_steps, search }: Study): readonly number[] {
  const { cutoffs } = planBacktest(split.search_end, horizon, backtest_steps, search.step_size);
  return cutoffs.filter((cutoff) => cutoff >= split.train_end - 1);
}

/** One task of a trial. */
export interface PlannedTask {
  readonly trial: PlannedTrial;
  readonly rung: number;
  readonly cutoffs: readonly number[];
  /** bundle that an earlier rung has trained */
  readonly artifact?: string | undefined;
  readonly isLastRung: boolean;
}

/** The task as it is put on the queue: self-contained, so that any optimizer can work on it. */
export function taskOf(study: Study, { trial, rung, cutoffs, artifact, isLastRung }: PlannedTask): TrialTask {
  const { seed, memory_limit_mb, attempts, objective } = study.search;
  const { run_id, forecaster, dataset, fleet, grid, horizon, season_length, split, training } = study;
  const { parent, pretrained } = study;
  const { number, model, params } = trial;
  const isTrained = study.trained.includes(model);
  const phase = phaseOf(study) === "final" ? "final" : trial.phase;
  return {
    ...{ run_id, forecaster, number, rung, phase, params, model },
    artifact: artifact ?? study.artifacts[model] ?? null,
    ...{ training, parent: isTrained ? parent : null, pretrained: isTrained ? pretrained : null },
    keep_artifact: isTrained && (phase === "final" || !isLastRung),
    ...{ dataset, fleet, grid, horizon, season_length },
    ...cutoffFields(cutoffs, study.search.step_size),
    score_end: split.search_end,
    train_end: phase === "final" ? split.search_end : split.train_end,
    ...{ objective, seed, memory_limit_mb, attempts },
  };
}

/** More cutoffs than a result lists are never thinned out, so that two of them tell all. */
function cutoffFields(cutoffs: readonly number[], step: number): Pick<TrialTask, "cutoffs" | "cutoff_range"> {
  if (cutoffs.length <= MAX_LISTED_WINDOWS) return { cutoffs: [...cutoffs] };
  return { cutoffs: [], cutoff_range: { from: cutoffs[0]!, to: cutoffs.at(-1)! + 1, step } };
}

/** What baselines are measured on: the windows of the search, with its longest context. */
export function baselineWork(study: Study) {
  const { run_id, forecaster, dataset, fleet, grid, horizon, season_length, split, search } = study;
  const { objective, seed, memory_limit_mb, space } = search;
  return {
    ...{ run_id, forecaster, dataset, fleet, grid, horizon, season_length },
    ...{ objective, seed, memory_limit_mb, context_length: longestContext(space) },
    cutoffs: [...searchCutoffs(study)],
    score_end: split.search_end,
    train_end: split.train_end,
  };
}

/** Names a task within its study. */
export function taskKey({
  number,
  rung = 0,
}: {
  readonly number: number;
  readonly rung?: number | undefined;
}): string {
  return `${number}.${rung}`;
}

/** Results by `taskKey`. */
export type TaskResults<R> = ReadonlyMap<string, R>;
