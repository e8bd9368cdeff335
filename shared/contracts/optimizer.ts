import { z } from "zod";
import { StepData } from "./envelope.ts";
import { Hyperparameters, MODEL_FAMILIES } from "./live-config.ts";
import { ArtifactDigest, RunId, Token } from "./subjects.ts";
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

/** `trial.<run>.<number>` on the TRIALS work queue: evaluate one config. Self-contained: any optimizer can. */
export const TrialTask = z.object({
  run_id: RunId,
  forecaster: Token,
  number: z.int().nonnegative(),
  phase: z.enum(["search", "fallback"]),
  params: Hyperparameters,
  model: z.enum(MODEL_FAMILIES),
  artifact: ArtifactDigest.nullable(),
  dataset: ArtifactDigest,
  horizon: z.int().positive().describe("steps"),
  season_length: z.union([z.int().min(1), z.literal("auto")]),
  backtest_steps: z.int().positive(),
  step_size: z.int().positive(),
  seed: z.int().nonnegative(),
  memory_limit_mb: z.int().positive(),
  attempts: z.int().positive(),
});
export type TrialTask = z.infer<typeof TrialTask>;

/** One row of the trial table. A failed trial has no metrics and an infinite RMSE, written as null. (A-OPT-2) */
export const TrialResult = z.object({
  number: z.int().nonnegative(),
  phase: z.enum(["search", "fallback"]),
  params: Hyperparameters,
  rmse: z.number().nonnegative().nullable().describe("null stands for infinity: the trial failed"),
  metrics: BacktestMetrics.nullable(),
  duration_ms: z.number().nonnegative(),
  worker: z.string(),
  error: z.string().optional(),
  out_of_memory: z.boolean().optional(),
});
export type TrialResult = z.infer<typeof TrialResult>;

/** What a run would put live: config without version and timestamps of deployment. */
export const Candidate = z.object({
  ...Hyperparameters.shape,
  model: z.enum(MODEL_FAMILIES),
  artifact: ArtifactDigest.nullable(),
});
export type Candidate = z.infer<typeof Candidate>;

export const Searched = StepData.extend({
  candidate: Candidate,
  metrics: BacktestMetrics,
  trials: z.array(TrialResult),
  sampler: z.enum(["grid", "random"]),
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
  phase: z.enum(["search", "fallback"]),
  done: z.int().nonnegative(),
  total: z.int().positive(),
  best_rmse: z.number().nullable(),
  time: Timestamp,
});
export type Progress = z.infer<typeof Progress>;

/** `trial` state in KV, key `trial.<run>.<number>`: written once, by whoever finished the trial first. */
export const trialKey = (run: string, number: number) => `trial.${run}.${number}`;
