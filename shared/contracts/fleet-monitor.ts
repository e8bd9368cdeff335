import { z } from "zod";
import { Alert } from "./alerts.ts";
import { Token } from "./subjects.ts";
import { Entity, Timestamp } from "./telemetry.ts";

export const ENTITY_STATES = ["new", "active", "offline", "sunset-candidate", "sunset"] as const;
/** Priority of a drift: none below 10 %, low to 20 %, medium to 35 % (included), high above. (C-FLT-1) */
export const DRIFT_TIERS = ["none", "low", "medium", "high"] as const;
export type DriftTier = (typeof DRIFT_TIERS)[number];
/** Unknown-prediction rate: fine below 5 %, warning to 15 % (included), critical above. (C-FLT-2) */
export const UNKNOWN_TIERS = ["fine", "warning", "critical"] as const;
export type UnknownTier = (typeof UNKNOWN_TIERS)[number];
/** What fell silent: one series, all telemetry, or most of one fleet at once. */
export const OUTAGE_REASONS = ["feed", "telemetry", "fleet"] as const;
export type OutageReason = (typeof OUTAGE_REASONS)[number];

const Count = z.int().nonnegative();
const Milliseconds = z.number();

/**
 * One entity as bucket `fleet` keeps it: name, first and last seen, whether the model knows it (0 or 1), when a
 * champion last predicted it (null: never), its usual gap between observations, its observations up to 65,535,
 * and its fingerprint, float32 in base64. A row, not a field of an object: `__proto__` is a name like any other.
 */
export const FleetMember = z.tuple([
  Entity,
  Milliseconds,
  Milliseconds,
  z.literal([0, 1]),
  Milliseconds.nullable(),
  Milliseconds,
  Count,
  z.base64(),
]);

const Outage = z.object({ since: Timestamp, until: Timestamp, reason: z.enum(OUTAGE_REASONS) });

const Moments = z.object({
  counts: z.array(Count),
  means: z.array(z.number()),
  squares: z.array(z.number()),
});
const Rename = z.object({ from: Entity, to: Entity, score: z.number().min(0).max(1) });

/** What a series keeps besides its entities; in its first shard. */
export const FleetFigures = z.object({
  shards: Count.describe("values the series has: one that is missing has to be rebuilt from the stream"),
  newest: Timestamp.nullable().describe("newest observation: the time that silence is measured at"),
  checked: Timestamp.nullable().describe("event time of the last look for a fleet that fell silent at once"),
  heard: Timestamp.nullable().describe("when, by the service's clock, the newest observation came"),
  gaps_ms: z.array(Milliseconds).describe("between observations of the series, the last 64"),
  dense_ms: Milliseconds.describe("time in gaps too short to be one of them"),
  outages: z.array(Outage).describe("over: this time counts as nobody's silence"),
  feed_outage: z.object({ since: Timestamp, reason: z.enum(OUTAGE_REASONS) }).nullable(),
  fleet_outage: z
    .object({
      since: Timestamp,
      from: Timestamp.describe("those last seen from here"),
      until: Timestamp.describe("up to here fell silent together"),
      before: Count.describe("active entities before"),
    })
    .nullable(),
  believed: Timestamp.nullable().describe(
    "a fleet outage that lasted too long: those last seen by then are gone",
  ),
  metrics: z.array(z.string()).describe("metrics that fingerprints are made of"),
  level: z
    .object({ past: Moments, current: Moments, observations: Count })
    .describe("of the fleet as a whole, in the past hour and in this one"),
  renames: z.array(Rename).describe("suggested"),
  predictions: z
    .array(z.tuple([Milliseconds, Count, Count]))
    .describe("start of a slice of time, all, unknown"),
  last_predictions: z.object({ count: Count, unknown: z.base64() }).describe("a bit for each, oldest first"),
  models: z.record(Token, z.object({ version: z.string(), since: Timestamp, last: Timestamp })),
});
export type FleetFigures = z.infer<typeof FleetFigures>;

/**
 * Bucket `fleet`, key `<series>`, and `<series>.1`, `<series>.2`, … where the entities do not fit one value. A value
 * has seen the series up to its own `last_sequence` or that of the first shard, which is saved last.
 */
export const FleetState = z.object({
  series: Token,
  stream: z.string().describe("creation time of the stream that last_sequence counts in"),
  last_sequence: Count,
  members: z.array(FleetMember),
  figures: FleetFigures.optional(),
});
export type FleetState = z.infer<typeof FleetState>;

const Rate = z.number().min(0).max(1).nullable();

/**
 * Reply of `fleet-monitor.status`, one row a series. Lists are cut short, the longest silent first; what ends in
 * `_total` counts all.
 */
export const FleetStatus = z.object({
  series: Token,
  as_of: Timestamp.nullable().describe("newest observation: silence is measured at it"),
  seen: Count.describe("entities that are not sunset"),
  active_total: Count.describe("entities not silent for 24 hours, new ones included"),
  known: Count.describe("entities in the models' vocabulary, sunset ones included"),
  new: z.array(Entity),
  new_total: Count,
  new_days: z
    .array(z.number())
    .optional()
    .describe("of the entities in `new`, one by one: days since their first observation"),
  sunset_total: Count.describe("entities in the vocabulary that were silent for 30 days"),
  silent: z.array(
    z.object({
      entity: Entity,
      state: z.enum(ENTITY_STATES),
      days: z.number().describe("without the time of outages, incidents and maintenance windows"),
    }),
  ),
  silent_total: Count,
  drift: z.number().nonnegative().nullable().describe("(new + sunset) / known; null while nothing is known"),
  tier: z.enum(DRIFT_TIERS).nullable(),
  unknown_rate: Rate.describe("unknown predictions / predictions over the rolling window by time"),
  unknown_rates: z.object({ by_time: Rate, by_count: Rate }),
  predictions: z
    .object({ by_time: Count, by_count: Count })
    .describe("in each window: how much the rates rest on"),
  unknown_tier: z
    .enum(UNKNOWN_TIERS)
    .nullable()
    .describe("the worse of the two windows; null where neither has 20 predictions"),
  outage: z
    .object({ since: Timestamp, reason: z.enum(OUTAGE_REASONS) })
    .nullable()
    .describe("while it lasts, no silence grows and nobody is retired"),
  renames: z.array(Rename).describe("suggested, not applied: `to` counts as new until somebody confirms it"),
  renamed: z.array(z.object({ from: Entity, to: Entity })).describe("confirmed, and in force"),
  coverage: Rate.describe("active entities with a recent prediction that knew them / active entities"),
  uncovered: z.array(Entity),
  uncovered_total: Count,
  model_since: Timestamp.nullable().describe("first prediction seen of the oldest model that is live"),
});
export type FleetStatus = z.infer<typeof FleetStatus>;

/** Query of `fleet-monitor.rename`: `to` is the entity that was called `from`. `revoke` takes it back. */
export const RenameRequest = z.strictObject({
  series: Token,
  from: Entity,
  to: Entity,
  by: z.string().min(1).max(200),
  revoke: z.boolean().default(false),
});
export type RenameRequest = z.infer<typeof RenameRequest>;

export const RENAME_RULE = "fleet-rename";
/** Data of `alert.raised.fleet-rename.<series>`; `alert.cleared.…` takes the rename back. */
export const Renamed = Alert.extend({ from: Entity, to: Entity, by: z.string() });
export type Renamed = z.infer<typeof Renamed>;
