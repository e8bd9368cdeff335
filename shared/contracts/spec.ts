import { z } from "zod";
import { Duration, durationDays, durationMs } from "./duration.ts";
import { Hyperparameters, MODEL_FAMILIES } from "./live-config.ts";
import { DETECTOR_SPECS, EVALUATION_SPECS } from "./spec-detectors.ts";
import { RemedySpec } from "./spec-remedies.ts";
import { TIMING_SPECS } from "./spec-timing.ts";
import { Token } from "./subjects.ts";
import { Entity } from "./telemetry.ts";

/** When to optimize. (A-TRG-1..6) */
export const TriggerSpec = z.strictObject({
  ...DETECTOR_SPECS,
  ...EVALUATION_SPECS,
  ...TIMING_SPECS,
  remedy: RemedySpec.prefault({}),
});
export type TriggerSpec = z.infer<typeof TriggerSpec>;

const SearchSpace = z.strictObject({
  context_length: z.array(Hyperparameters.shape.context_length).min(1).default([90, 180, 365]),
  num_samples: z.array(Hyperparameters.shape.num_samples).min(1).default([50, 100, 200]),
  temperature: z.array(Hyperparameters.shape.temperature).min(1).default([0.8, 1.0, 1.2]),
});
export type SearchSpace = z.infer<typeof SearchSpace>;

/** How to search. (A-OPT-1..5) */
export const SearchSpec = z.strictObject({
  sampler: z.enum(["grid", "random"]).default("grid"),
  space: SearchSpace.prefault({}),
  trials: z
    .int()
    .positive()
    .max(10_000)
    .default(27)
    .describe("random search: how many points; grid search: ignored"),
  backtest: Duration.default("30d").describe("the last part of history, which the backtest forecasts"),
  step_size: z.int().positive().default(1).describe("steps between backtest cutoffs"),
  history: Duration.default("730d").describe("how much history a run asks for"),
  time_limit: Duration.default("10m"),
  fallback: z
    .strictObject({ trials: z.int().positive().default(6), time_limit: Duration.default("5m") })
    .prefault({})
    .describe("random search over the cheaper half of the space after a time-out or lack of memory"),
  memory_limit_mb: z.int().min(64).default(768).describe("heap of the worker that runs a trial"),
  attempts: z
    .int()
    .positive()
    .max(20)
    .default(3)
    .describe("deliveries of one trial before it scores infinite"),
  seed: z.int().nonnegative().default(1),
});
export type SearchSpec = z.infer<typeof SearchSpec>;

/** When a candidate is better. (A-VAL-1..5) */
export const ValidationSpec = z.strictObject({
  min_rmse_improvement: z.number().default(0.05),
  min_mape_improvement: z.number().default(0.03),
  max_std_ratio: z.number().positive().default(1.1),
  max_time_ratio: z.number().positive().default(1.5),
  min_coverage: z.number().min(0).max(1).default(0.9),
  max_abs_bias: z.number().positive().default(5).describe("unit of the series"),
  approval: z
    .enum(["automatic", "manual"])
    .default("automatic")
    .describe("manual: an approved candidate is held for a person"),
});
export type ValidationSpec = z.infer<typeof ValidationSpec>;

/** How a deployment is watched. (A-MON-1) */
export const WatchSpec = z.strictObject({
  duration: Duration.default("60m"),
  every: Duration.default("1m"),
  failures: z.int().positive().default(3).describe("consecutive failed checks that roll back"),
  max_rmse_ratio: z
    .number()
    .positive()
    .default(2)
    .describe("RMSE of scores since the deployment / of the champion before it"),
  min_scores: z.int().positive().default(5).describe("scores needed before the score check speaks"),
});
export type WatchSpec = z.infer<typeof WatchSpec>;

export const ShadowSpec = z.strictObject({
  enabled: z.boolean().default(false),
  duration: Duration.default("7d").describe("longest time a challenger shadows"),
  min_scores: z
    .int()
    .positive()
    .default(20)
    .describe("paired scores after which the comparison may conclude"),
});

/** One forecaster, as `configs/forecasters/<id>.yaml` describes it. Every number left out has the seed's default. */
export const ForecasterSpec = z.strictObject({
  forecaster: Token,
  enabled: z.boolean().default(true),
  description: z.string().optional(),
  series: Token.describe("observed on telemetry.observation.<series>"),
  metric: z.string().min(1).default("value").describe("key in an observation's values"),
  entity: Entity.optional().describe("member of the series; absent: observations without an entity"),
  unit: z.string().optional().describe("for people: CLP per USD"),
  bounds: z
    .strictObject({ min: z.number().optional(), max: z.number().optional() })
    .prefault({})
    .describe("values outside are refused"),
  step: Duration.default("1d"),
  calendar: z.enum(["all", "weekdays"]).default("all").describe("weekdays: Saturday and Sunday are no steps"),
  season_length: z
    .union([z.int().min(1).max(1000), z.literal("auto")])
    .default(1)
    .describe("steps; 1 is none"),
  horizon: Duration,
  model: z
    .strictObject({
      family: z.enum(MODEL_FAMILIES).default("chronos-bolt"),
      path: z.string().optional().describe("model file, relative to the project's folder"),
    })
    .prefault({}),
  trigger: TriggerSpec.prefault({}),
  search: SearchSpec.prefault({}),
  validation: ValidationSpec.prefault({}),
  watch: WatchSpec.prefault({}),
  shadow: ShadowSpec.prefault({}),
});
export type ForecasterSpec = z.infer<typeof ForecasterSpec>;

const DAY_MS = 86_400_000;

/** Steps in a forecast: `horizon` over `step`, five sevenths of it on a weekday calendar, rounded up. */
export function horizonSteps(spec: Pick<ForecasterSpec, "horizon" | "step" | "calendar">): number {
  const share = spec.calendar === "weekdays" ? 5 / 7 : 1;
  return Math.max(1, Math.ceil((durationMs(spec.horizon) / durationMs(spec.step)) * share - 1e-9));
}

/** Steps in a span of history, rounded down, at least 1; counts as `horizonSteps` does. */
export function stepsIn(span: Duration, spec: Pick<ForecasterSpec, "step" | "calendar">): number {
  const share = spec.calendar === "weekdays" ? 5 / 7 : 1;
  return Math.max(1, Math.floor((durationDays(span) * DAY_MS * share) / durationMs(spec.step) + 1e-9));
}

/** The time `count` steps after `from` (ms since the epoch); weekends are skipped on a weekday calendar. */
export function addSteps(
  fromMs: number,
  count: number,
  spec: Pick<ForecasterSpec, "step" | "calendar">,
): number {
  const stepMs = durationMs(spec.step);
  if (spec.calendar === "all") return fromMs + count * stepMs;
  let at = fromMs;
  for (let done = 0; done < count; ) {
    at += stepMs;
    const day = new Date(at).getUTCDay();
    if (day !== 0 && day !== 6) done += 1;
  }
  return at;
}
