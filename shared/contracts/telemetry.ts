import { z } from "zod";
import { Token } from "./subjects.ts";

/** ISO-8601 with `Z`; fractions of a second allowed. */
export const Timestamp = z.iso.datetime();

/** Name of a series' member (server, symbol). Free text, but printable: it is data, never part of a subject. */
export const Entity = z
  .string()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
  .regex(/^[^\u0000-\u001f\u007f]+$/, "expected no control characters");

/** Largest size of a measured value. Beyond it models, which compute in float32, and squared errors overflow. */
export const VALUE_LIMIT = 1e15;

/** `telemetry.observation.<series>`: what was measured. Values carry the unit of the series. */
export const Observation = z.looseObject({
  ts: Timestamp,
  entity: Entity.optional(),
  values: z
    .record(z.string().min(1), z.number().min(-VALUE_LIMIT).max(VALUE_LIMIT))
    .refine((values) => Object.keys(values).length > 0, "expected at least one metric"),
});
export type Observation = z.infer<typeof Observation>;

export const VARIANTS = ["champion", "challenger"] as const;

/** `telemetry.prediction.<forecaster>`: one step of one forecast, in the unit of the series. */
export const Prediction = z.looseObject({
  issued_at: Timestamp.describe("time of the last observation the forecast has seen"),
  target_ts: Timestamp,
  step: z.int().positive().describe("1 is the first step after issued_at"),
  entity: Entity.optional(),
  mean: z.number(),
  lower: z.number().describe("2.5 % quantile"),
  upper: z.number().describe("97.5 % quantile"),
  quantiles: z.record(z.string(), z.number()).optional().describe("level, such as 0.1, to value"),
  known_entity: z.boolean(),
  model_version: z.string().describe("version of the live config and digest of its artifact"),
  variant: z
    .enum(VARIANTS)
    .optional()
    .describe("absent means champion; a challenger's forecasts are never served"),
  latency_ms: z.number().nonnegative().describe("time to compute the whole forecast this step belongs to"),
});
export type Prediction = z.infer<typeof Prediction>;

/** `telemetry.score.<forecaster>`: a prediction joined to the truth that has arrived. */
export const Score = z.looseObject({
  issued_at: Timestamp,
  target_ts: Timestamp,
  step: z.int().positive(),
  entity: Entity.optional(),
  error: z.number().describe("forecast minus actual, unit of the series"),
  abs_pct_error: z.number().nullable().describe("|error / actual| in percent; null where the actual is 0"),
  in_interval: z.boolean().describe("lower <= actual <= upper"),
  model_version: z.string(),
  variant: z.enum(VARIANTS).optional(),
  naive_error: z.number().optional().describe("last value at issued_at minus actual, the baseline to beat"),
  seasonal_naive_error: z
    .number()
    .optional()
    .describe("value whole seasons before target_ts minus actual; absent without a season, or that value"),
  mean: z.number().optional().describe("of the forecast, unit of the series"),
  actual: z.number().optional().describe("what was observed at target_ts, unit of the series"),
  pinball: z
    .number()
    .nonnegative()
    .optional()
    .describe(
      "mean pinball loss over the prediction's quantiles, unit of the series; absent without quantiles",
    ),
  in_incident: z
    .literal(true)
    .optional()
    .describe("issued_at or target_ts lay in an incident known by then; no reference should take it in"),
});
export type Score = z.infer<typeof Score>;

export const HEALTH_STATUS = ["waiting", "ok", "degraded"] as const;

/** `telemetry.health.<forecaster>`: heartbeat of one instance. */
export const Health = z.looseObject({
  instance: z.string().min(1),
  status: z
    .enum(HEALTH_STATUS)
    .describe(
      "waiting: no live config yet; degraded: the live config is not what is served, or forecasts fail",
    ),
  live_revision: z.int().nonnegative().describe("revision of live-configs that is served; 0 while waiting"),
  model_version: z.string().nullable(),
  rss_mb: z.number().nonnegative(),
  latency_ms_p50: z.number().nonnegative().nullable(),
  failures: z.int().nonnegative().describe("forecasts or loads that failed since the live config was loaded"),
  loaded_at: Timestamp.nullable(),
  error: z.string().optional(),
  fleet: z
    .object({
      entities: z.int().nonnegative().describe("that were observed and are not retired"),
      known: z.int().nonnegative().describe("of these, in the vocabulary of the model that is served"),
    })
    .optional()
    .describe("of a forecaster of all entities"),
});
export type Health = z.infer<typeof Health>;

export const telemetrySchemas = {
  observation: Observation,
  prediction: Prediction,
  score: Score,
  health: Health,
} as const;

/**
 * Query of `forecaster.predict.<forecaster>`: the next forecast after the newest observation. Empty where the forecaster
 * has one entity or none; one of a fleet is asked for an `entity`, or for all, some in each reply.
 */
export const PredictRequest = z
  .looseObject({
    entity: Entity.optional(),
    entities: z.literal("all").optional(),
    after: Entity.optional().describe("with entities: all, the `next` of the reply before"),
  })
  .refine(({ entity, entities }) => entity === undefined || entities === undefined, {
    path: ["entities"],
    message: "expected either entity or entities: all",
  });
export type PredictRequest = z.infer<typeof PredictRequest>;
export const PredictReply = z.object({
  forecaster: Token,
  live_revision: z.int().positive(),
  predictions: z.array(Prediction),
  next: Entity.nullable()
    .optional()
    .describe("with entities: all, `after` of the next request; null: no more"),
});
export type PredictReply = z.infer<typeof PredictReply>;
