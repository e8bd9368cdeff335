import { z } from "zod";
import { Duration } from "./duration.ts";
import { ArtifactDigest, Token } from "./subjects.ts";
import { Entity, Timestamp, VARIANTS } from "./telemetry.ts";

/** Request of `inference-buffer.window`: the observations of one series, or the scores of one forecaster, as an artifact. */
export const WindowRequest = z
  .object({
    series: Token,
    metric: z.string().min(1).default("value"),
    entity: Entity.nullable().default(null),
    from: Timestamp.optional(),
    to: Timestamp.optional().describe("inclusive; absent: everything known"),
    days: z
      .number()
      .positive()
      .max(36_500)
      .optional()
      .describe("in place of from: this long before `to`, else before the newest observation"),
    entities: z
      .literal("all")
      .optional()
      .describe("every entity that is fit for training, in one artifact; `entity` has no meaning then"),
    min_history: Duration.optional().describe("of an entity, with entities: all; default 7d"),
    min_samples: z.int().nonnegative().optional().describe("of an entity, with entities: all; default 1000"),
    incidents: z
      .enum(["keep", "leave-out"])
      .optional()
      .describe("what was observed in incidents; default keep, with entities: all leave-out"),
    forecaster: Token.optional().describe("its incidents count, too; of kind score: whose scores"),
    kind: z.enum(["observation", "score"]).optional().describe("default observation"),
  })
  .refine(({ from, days }) => from === undefined || days === undefined, {
    path: ["days"],
    message: "expected either from or days",
  })
  .refine(({ kind, forecaster }) => kind !== "score" || forecaster !== undefined, {
    path: ["forecaster"],
    message: "expected the forecaster whose scores are asked for",
  });
export type WindowRequest = z.infer<typeof WindowRequest>;

/** Lists of a reply end here; what is called `…_total` counts all. */
export const MOST_NAMED = 1_000;

export const WindowGap = z.object({
  entity: Entity.optional(),
  from: Timestamp.describe("last observation before it, or where an incident begins"),
  to: Timestamp.nullable().describe(
    "first observation after it, or where an incident ends; null while it lasts",
  ),
  cause: z.enum(["silence", "incident"]),
});
export type WindowGap = z.infer<typeof WindowGap>;

/**
 * The artifact is Parquet, ascending, one row a time:
 *
 *     one entity       ts (timestamp), value (double)
 *     entities: all    entity (text, null where observations have none), ts, value; by entity, then by time
 *     kind: score      target_ts, issued_at, step, entity, error, abs_pct_error, in_interval, naive_error, mean,
 *                      actual, pinball, in_incident, model_version, variant; by issued_at, then by step
 */
export const WindowReply = z.object({
  artifact: ArtifactDigest,
  rows: z.int().nonnegative(),
  from: Timestamp.nullable(),
  to: Timestamp.nullable(),
  stream: z
    .object({ last_sequence: z.int().nonnegative() })
    .describe("last TELEMETRY sequence the window has seen"),
  gaps: z
    .array(WindowGap)
    .optional()
    .describe(
      "silences longer than the series' max_gap, else three usual steps; and incidents; longest first",
    ),
  gaps_total: z.int().nonnegative().optional(),
  entities: z.int().nonnegative().optional().describe("with entities: all, how many are in"),
  excluded: z
    .array(z.object({ entity: Entity.nullable(), reason: z.string() }))
    .optional()
    .describe("with entities: all, who is left out and why"),
  excluded_total: z.int().nonnegative().optional(),
  missing: z
    .array(Entity)
    .optional()
    .describe("with entities: all, who was observed in the window, but not this metric"),
  missing_total: z.int().nonnegative().optional(),
});
export type WindowReply = z.infer<typeof WindowReply>;

/** Request of `inference-buffer.ledger`. */
export const LedgerRequest = z.object({
  forecaster: Token,
  variant: z.enum(VARIANTS).default("champion"),
});
export type LedgerRequest = z.infer<typeof LedgerRequest>;

const Counts = {
  made: z.int().nonnegative().describe("predictions, each counted once however often it came"),
  matured: z.int().nonnegative().describe("of these: target_ts has come"),
  scored: z.int().nonnegative().describe("of these: joined to the truth"),
  missing: z.int().nonnegative().describe("no truth within 30 d of newer observations; never scored"),
  in_incident: z.int().nonnegative().describe("scored, and marked so"),
};

/** Reply of `inference-buffer.ledger`: what became of the predictions that the history holds, by step. */
export const LedgerReply = z.object({
  forecaster: Token,
  variant: z.enum(VARIANTS),
  stream: z.object({ last_sequence: z.int().nonnegative() }),
  steps: z.array(z.object({ step: z.int().positive(), ...Counts })).describe("ascending"),
  total: z.object(Counts),
});
export type LedgerReply = z.infer<typeof LedgerReply>;

/** Request of `inference-buffer.quality`. */
export const QualityRequest = z.object({
  series: Token.optional().describe("absent: every series that a spec or a contract names"),
  days: z.int().positive().max(60).default(7).describe("the last days, today included"),
});
export type QualityRequest = z.infer<typeof QualityRequest>;

const Share = z.number().min(0).max(1);

/** How good one day of one series is. A day is a UTC day of event time. (D-BUF-2, D-MON-1) */
export const QualityScore = z.object({
  series: Token,
  day: z.iso.date(),
  partial: z.boolean().describe("the day is not over"),
  every_ms: z
    .number()
    .positive()
    .nullable()
    .describe("expected step: contract, spec, or the usual one; null: unknown"),
  observations: z.int().nonnegative().describe("distinct by entity and time"),
  expected: z
    .number()
    .nonnegative()
    .nullable()
    .describe("of the entities that are alive; null: step unknown or above a day"),
  completeness: Share.nullable().describe(
    "expected observations that are there / expected; null where none is",
  ),
  quarantined: z.int().nonnegative().describe("refused observations that arrived this day"),
  quarantined_share: Share.describe("quarantined / (quarantined + observations)"),
  duplicates: z
    .int()
    .nonnegative()
    .describe("dropped on arrival this day, and values there are more than once: repeats and corrections"),
  late: z.int().nonnegative().describe("arrived after a newer one of their entity"),
  gaps: z.int().nonnegative().describe("silences longer than max_gap, else three steps, that ended this day"),
  longest_gap_ms: z.number().nonnegative(),
  entities: z.int().nonnegative(),
  entities_missing: z.array(Entity).describe("alive in the 7 d before, silent all day"),
  entities_missing_total: z.int().nonnegative(),
});
export type QualityScore = z.infer<typeof QualityScore>;

export const QualityReply = z.object({ scores: z.array(QualityScore).describe("by series, then by day") });
export type QualityReply = z.infer<typeof QualityReply>;

export const BufferStats = z.object({
  rows: z.int().nonnegative(),
  files: z.int().nonnegative(),
  last_sequence: z.int().nonnegative(),
  pending_predictions: z.int().nonnegative(),
  scored: z.int().nonnegative(),
  quarantined: z.int().nonnegative(),
});
export type BufferStats = z.infer<typeof BufferStats>;
