import { z } from "zod";
import { OBJECTIVES } from "../forecasting/window-loss.ts";
import { StepData } from "./envelope.ts";
import { Hyperparameters, MODEL_FAMILIES } from "./live-config.ts";
import { Action } from "./spec-remedies.ts";
import { PRUNERS, SAMPLERS } from "./spec-search.ts";
import { StrategySearch } from "./strategy.ts";
import { StrategyParameters } from "./strategy-parameters.ts";
import { ArtifactDigest, RunId, subjects, Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** Error measures of one config over all backtest windows. Errors are forecast minus actual. */
export const BacktestMetrics = z.object({
  rmse: z.number().nonnegative().describe("unit of the series"),
  mape: z.number().nonnegative().nullable().describe("percent; null where every actual is 0"),
  mae: z.number().nonnegative(),
  mase: z
    .number()
    .nonnegative()
    .nullable()
    .describe("MAE / in-sample MAE of the seasonal naive forecast; null for a constant history"),
  error_std: z.number().nonnegative(),
  mean_error: z.number(),
  coverage: z.number().min(0).max(1).describe("share of actuals inside the 95 % interval"),
  n: z.int().nonnegative().describe("forecasts compared with an actual"),
  windows: z.int().nonnegative(),
});
export type BacktestMetrics = z.infer<typeof BacktestMetrics>;

/** `search`: of the plan; `fallback`: of the smaller one after it; `final`: trains the winner once more. */
export const PHASES = ["search", "fallback", "final"] as const;
export const Phase = z.enum(PHASES);
export type Phase = z.infer<typeof Phase>;

/** What each part of a dataset may be used for, as indexes of its steps. */
export const DataSplit = z.object({
  points: z.int().positive().describe("steps of the dataset"),
  train_end: z.int().positive().describe("exclusive: trials train on what lies before it"),
  search_end: z
    .int()
    .positive()
    .describe("exclusive: what the search may look at at all; the validator's windows begin here"),
  holdout_steps: z.int().nonnegative().describe("steps that the search never sees"),
});
export type DataSplit = z.infer<typeof DataSplit>;

/**
 * `trial.<run>.<number>` on the TRIALS work queue: evaluate one config on some windows. Self-contained: any optimizer can.
 *
 * - The worker cuts the dataset off at `score_end` before anything else happens.
 * - A family with artifact `trained`: where `artifact` is null it is trained on what lies before `train_end`, from
 *   `parent` where that is named; else that bundle is opened.
 * - Phase `final` has no cutoffs: it trains and stores, nothing else.
 */
export const TrialTask = z.object({
  run_id: RunId,
  forecaster: Token,
  number: z.int().nonnegative(),
  rung: z.int().nonnegative().default(0).describe("which part of the windows this is"),
  phase: Phase,
  params: Hyperparameters,
  model: z.enum(MODEL_FAMILIES),
  artifact: ArtifactDigest.nullable(),
  training: z
    .enum(["full", "incremental", "reweigh"])
    .default("full")
    .describe("incremental: goes on from parent; reweigh: parent's members with new weights"),
  parent: ArtifactDigest.nullable().default(null).describe("bundle that a training goes on from"),
  pretrained: z
    .object({ family: z.enum(MODEL_FAMILIES), artifact: ArtifactDigest })
    .nullable()
    .default(null)
    .describe("model file that a training may build on: the ensemble's foundation model"),
  keep_artifact: z
    .boolean()
    .default(false)
    .describe("the bundle that is trained is stored, and named in the result"),
  dataset: ArtifactDigest,
  fleet: z.boolean().default(false).describe("the dataset has a column entity, and many series"),
  grid: z.object({
    step_ms: z.number().positive(),
    calendar: z.enum(["all", "weekdays"]),
  }),
  horizon: z.int().positive().describe("steps"),
  season_length: z.union([z.int().min(1), z.literal("auto")]),
  cutoffs: z
    .array(z.int().nonnegative())
    .describe("per window the index of the last step a forecast may see; in no order"),
  cutoff_range: z
    .object({
      from: z.int().nonnegative(),
      to: z.int().nonnegative().describe("exclusive"),
      step: z.int().positive(),
    })
    .optional()
    .describe("in place of cutoffs, where there are more than 2,000: from, from + step … below to"),
  score_end: z.int().positive().describe("exclusive: steps at or after it do not exist for this task"),
  train_end: z.int().positive().describe("exclusive; also where the history ends that MASE scales by"),
  objective: z.enum(OBJECTIVES),
  seed: z.int().nonnegative(),
  memory_limit_mb: z.int().positive(),
  attempts: z.int().positive(),
});
export type TrialTask = z.infer<typeof TrialTask>;

/** The cutoffs of a task, listed or not. */
export function cutoffsOf({ cutoffs, cutoff_range }: Pick<TrialTask, "cutoffs" | "cutoff_range">): number[] {
  if (cutoff_range === undefined) return cutoffs;
  const { from, to, step } = cutoff_range;
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);
}

/**
 * What one cutoff adds to every measure, over its observed steps and all its series, so that measures of any set of
 * windows can be put together exactly. e is forecast − actual a.
 */
export const WindowSums = z.object({
  n: z.int().nonnegative(),
  error: z.number().describe("Σ e"),
  absolute: z.number().describe("Σ |e|"),
  squared: z.number().describe("Σ e²"),
  relative: z.number().describe("Σ |e / a| where a is not 0"),
  relative_n: z.int().nonnegative(),
  inside: z.int().nonnegative().describe("actuals in the 95 % interval"),
  quantile: z.number().describe("Σ of 2 · pinball loss, averaged over the levels"),
  actual: z.number().describe("Σ |a|"),
});
export type WindowSums = z.infer<typeof WindowSums>;

/** What a training came to. */
export const Training = z.object({
  duration_ms: z.number().nonnegative(),
  rows: z.int().nonnegative().describe("that the model was fitted to"),
  rounds: z
    .object({ total: z.int().nonnegative(), added: z.int().nonnegative() })
    .optional()
    .describe("boosting rounds or epochs, of all trainings and of this one (D-TRN-1)"),
  metrics: z
    .record(z.string(), z.number())
    .optional()
    .describe("what the family says of the model; of an ensemble weight.<member> (E-ENS-1)"),
});
export type Training = z.infer<typeof Training>;

/** More windows than this are not listed one by one in a result, which has to fit into a message. */
export const MAX_LISTED_WINDOWS = 2_000;

/**
 * What a worker commits for one task, and, without what is per window, one row of the trial table. A failed trial has no
 * metrics and an infinite RMSE, written as null. (A-OPT-2)
 */
export const TrialResult = z.object({
  number: z.int().nonnegative(),
  rung: z
    .int()
    .nonnegative()
    .optional()
    .describe("in the table: the last one that it took part in; absent: 0"),
  phase: Phase,
  model: z.enum(MODEL_FAMILIES).optional(),
  params: Hyperparameters,
  objective: z
    .number()
    .nullable()
    .optional()
    .describe("what the search minimises, before costs; null: the trial failed"),
  rmse: z.number().nonnegative().nullable().describe("null stands for infinity: the trial failed"),
  metrics: BacktestMetrics.nullable(),
  losses: z
    .array(z.number().nullable())
    .optional()
    .describe("per cutoff of the task, as windowLoss; absent for more than 2,000 windows and in the table"),
  sums: z.array(WindowSums.nullable()).optional().describe("per cutoff of the task; absent where losses are"),
  inference_ms: z.number().nonnegative().optional().describe("of one forecast"),
  memory_mb: z.number().nonnegative().optional().describe("most that the worker took for it"),
  training: Training.optional().describe("of families that are trained; in the table without its details"),
  artifact: ArtifactDigest.nullable().optional().describe("the bundle, where the task said to keep it"),
  duration_ms: z.number().nonnegative(),
  worker: z.string(),
  error: z.string().optional(),
  out_of_memory: z.boolean().optional(),
  reduced: z
    .string()
    .optional()
    .describe("what it was done with less of, after its worker ran out of memory at the first try"),
  generation: z.int().nonnegative().optional().describe("in the table"),
  pruned: z
    .boolean()
    .optional()
    .describe("in the table: given up on after its rung, so metrics are of fewer windows"),
  pruned_because: z.string().optional(),
  value: z
    .number()
    .nullable()
    .optional()
    .describe("in the table: objective with the weighted costs, where they make a difference"),
  reused: z
    .int()
    .nonnegative()
    .optional()
    .describe("in the table: windows whose losses were known from earlier runs"),
});
export type TrialResult = z.infer<typeof TrialResult>;

/** What a run would put live: config without version and timestamps of deployment. */
export const Candidate = z.object({
  ...Hyperparameters.shape,
  model: z.enum(MODEL_FAMILIES),
  artifact: ArtifactDigest.nullable(),
  strategy: StrategyParameters.optional().describe("absent: that of the live config stays"),
});
export type Candidate = z.infer<typeof Candidate>;

export const Searched = StepData.extend({
  action: Action.optional().describe("absent: search"),
  candidate: Candidate,
  metrics: BacktestMetrics.nullable().describe(
    "null: the model is the live one, and only its use was searched",
  ),
  strategy: StrategySearch.optional().describe("of a run of action strategy, which has no other trials"),
  training: Training.optional().describe("of the candidate's model, where it was trained"),
  trials: z.array(TrialResult),
  sampler: z.enum(SAMPLERS),
  prune: z.enum(PRUNERS).optional(),
  rungs: z
    .array(z.int().positive())
    .optional()
    .describe("windows that a trial has been evaluated on after each rung"),
  objective: z.enum(OBJECTIVES).optional().describe("absent: rmse"),
  split: DataSplit.extend({
    train_to: Timestamp.describe("last step before train_end"),
    search_from: Timestamp.describe("first step that a trial is scored on"),
    search_to: Timestamp.describe("last step before search_end"),
  })
    .optional()
    .describe("absent in events of old: search and validator used the same windows then"),
  adapted: z
    .array(z.string())
    .optional()
    .describe("how the search was made to fit the machine, and why, in sentences"),
  cut: z
    .object({
      phase: Phase,
      generation: z.int().nonnegative(),
      because: z.string(),
      done: z.int().nonnegative(),
      planned: z.int().positive(),
    })
    .nullable()
    .optional()
    .describe("the generation that a limit ended before all its trials were done"),
  losses: z
    .object({
      reused: z.int().nonnegative().describe("forecast windows known from earlier runs"),
      evaluated: z.int().nonnegative(),
    })
    .optional(),
  fell_back: z.boolean().describe("the time limit or the memory limit ended the first search"),
  search_iterations: z.int().nonnegative(),
  optimization_time_seconds: z.number().nonnegative(),
  dataset: ArtifactDigest,
  baselines: z
    .record(z.string(), BacktestMetrics)
    .describe("last-value and seasonal-naive on the same windows"),
});
export type Searched = z.infer<typeof Searched>;

/** Core message on `progress.<forecaster>.<run>`. */
export const Progress = z.object({
  run_id: RunId,
  forecaster: Token,
  phase: Phase,
  done: z.int().nonnegative(),
  total: z.int().positive(),
  best_rmse: z.number().nullable(),
  time: Timestamp,
});
export type Progress = z.infer<typeof Progress>;

/** Key of a result in bucket `states`: written once, by whoever finished the task first. As the task's subject. */
export const trialKey = subjects.trial;
