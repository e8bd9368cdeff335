import { z } from "zod";
import { Duration, durationDays, durationMs } from "./duration.ts";
import { MODEL_FAMILIES } from "./live-config.ts";
import { DETECTOR_SPECS, EVALUATION_SPECS } from "./spec-detectors.ts";
import { RemedySpec } from "./spec-remedies.ts";
import { SearchSpec } from "./spec-search.ts";
import { StrategySpec } from "./spec-strategy.ts";
import { TIMING_SPECS } from "./spec-timing.ts";
import { Token } from "./subjects.ts";
import { Entity } from "./telemetry.ts";

export { longestContext, SearchSpace, SearchSpec } from "./spec-search.ts";

/** When to optimize. (A-TRG-1..6) */
export const TriggerSpec = z.strictObject({
  ...DETECTOR_SPECS,
  ...EVALUATION_SPECS,
  ...TIMING_SPECS,
  remedy: RemedySpec.prefault({}),
});
export type TriggerSpec = z.infer<typeof TriggerSpec>;

/** When a candidate is better. (A-VAL-1..5) */
export const ValidationSpec = z.strictObject({
  min_rmse_improvement: z.number().default(0.05),
  min_mape_improvement: z.number().default(0.03),
  max_std_ratio: z.number().positive().default(1.1),
  max_time_ratio: z.number().positive().default(1.5),
  min_coverage: z.number().min(0).max(1).default(0.9),
  max_abs_bias: z.number().positive().default(5).describe("unit of the series"),
  max_grown_rmse_ratio: z
    .number()
    .positive()
    .default(1.2)
    .describe(
      "RMSE over the champion's at most, for a model that knows entities of the fleet which the champion does not",
    ),
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

/** Which entities a forecaster of `entities: all` learns from; forecasts it has for every entity. (C-DAT-1) */
export const FleetSpec = z.strictObject({
  min_history: Duration.default("7d").describe("of an entity that is learnt from"),
  min_samples: z.int().nonnegative().default(1_000).describe("of an entity that is learnt from"),
});
export type FleetSpec = z.infer<typeof FleetSpec>;

/** One forecaster, as `configs/forecasters/<id>.yaml` describes it. Every number left out has the seed's default. */
export const ForecasterSpec = z
  .strictObject({
    forecaster: Token,
    enabled: z.boolean().default(true),
    description: z.string().optional(),
    series: Token.describe("observed on telemetry.observation.<series>"),
    metric: z.string().min(1).default("value").describe("key in an observation's values"),
    entity: Entity.optional().describe("member of the series; absent: observations without an entity"),
    entities: z
      .literal("all")
      .optional()
      .describe("in place of entity: one forecaster for every entity of the series"),
    fleet: FleetSpec.prefault({}),
    unit: z.string().optional().describe("for people: CLP per USD"),
    bounds: z
      .strictObject({ min: z.number().optional(), max: z.number().optional() })
      .prefault({})
      .describe("values outside are refused"),
    step: Duration.default("1d"),
    calendar: z
      .enum(["all", "weekdays"])
      .default("all")
      .describe("weekdays: Saturday and Sunday are no steps"),
    season_length: z
      .union([z.int().min(1).max(1000), z.literal("auto")])
      .default(1)
      .describe("steps; 1 is none"),
    horizon: Duration,
    model: z
      .strictObject({
        family: z.enum(MODEL_FAMILIES).default("chronos-bolt"),
        path: z.string().optional().describe("model file, relative to the project's folder"),
        foundation: z
          .enum(MODEL_FAMILIES)
          .default("chronos-bolt")
          .describe("ensemble: of which family the model file is"),
      })
      .prefault({}),
    trigger: TriggerSpec.prefault({}),
    search: SearchSpec.prefault({}),
    validation: ValidationSpec.prefault({}),
    watch: WatchSpec.prefault({}),
    shadow: ShadowSpec.prefault({}),
    strategy: StrategySpec.optional().describe("how its forecasts would be traded: `retune strategy`"),
  })
  .refine(({ entity, entities }) => entity === undefined || entities === undefined, {
    path: ["entities"],
    message: "expected either entity, for one member of the series, or entities: all",
  });
export type ForecasterSpec = z.infer<typeof ForecasterSpec>;

/** Whether what carries this entity, or none, is of the forecaster: of a fleet anybody's is. */
export function isAbout(
  { entity, entities }: Pick<ForecasterSpec, "entity" | "entities">,
  named: unknown,
): boolean {
  return entities === "all" ? named !== undefined : named === entity;
}

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

/** Steps of the hold-out, which searches never see: as many as the backtest has, unless the spec says otherwise. */
export function holdoutSteps(spec: Pick<ForecasterSpec, "step" | "calendar" | "search">): number {
  return stepsIn(spec.search.holdout ?? spec.search.backtest, spec);
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
