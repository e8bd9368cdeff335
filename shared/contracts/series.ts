import { z } from "zod";
import { Duration, durationMs } from "./duration.ts";
import { Token } from "./subjects.ts";

const Metric = z
  .strictObject({
    min: z.number().optional(),
    max: z.number().optional(),
    type: z.enum(["number", "integer"]).default("number"),
    max_step_change: z
      .number()
      .positive()
      .optional()
      .describe(
        "largest difference from the entity's value before, in the unit of the series; a second value near the refused one is a new level and is taken",
      ),
  })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, {
    path: ["max"],
    message: "expected a number that is not below min",
  });

const EntityNames = z.strictObject({
  pattern: z
    .string()
    .refine(isPattern, "expected a regular expression")
    .optional()
    .describe("regular expression that a whole name matches; absent: any name. An absent entity has no name"),
  max: z.int().positive().max(2_000_000).default(1_000_000).describe("most distinct entities in 30 days"),
});

/** When a day's data are called bad. (D-ALR-1) */
const QualityLimits = z.strictObject({
  completeness: z.number().min(0).max(1).default(0.9).describe("least share of the expected observations"),
  quarantined: z.number().min(0).max(1).default(0.05).describe("largest share of refused records"),
  entities_missing: z.int().nonnegative().default(0).describe("most entities without an observation all day"),
});

/**
 * `configs/series/<series>.yaml`: what a series promises. An observation that breaks it is refused and kept in
 * the quarantine with field, value and expectation. (D-BUF-2) A series without such a file promises nothing but
 * the form of an observation.
 */
export const SeriesContract = z.strictObject({
  series: Token,
  description: z.string().optional(),
  every: Duration.optional().describe("time between observations of an entity; absent: inferred"),
  calendar: z
    .enum(["all", "weekdays"])
    .default("all")
    .describe("weekdays: nothing is expected on Saturday and Sunday"),
  max_gap: Duration.optional().describe(
    "longest time without an observation that is no gap; absent: 3 x every",
  ),
  metrics: z
    .record(z.string().min(1), Metric)
    .default({})
    .describe("metrics that are not listed are taken as they are"),
  monotone_time: z
    .boolean()
    .default(false)
    .describe("refuse what is older than the newest observation of its entity"),
  duplicates: z
    .enum(["drop", "keep"])
    .default("drop")
    .describe("of an observation whose time and values are known: once, or as often as it comes"),
  entities: EntityNames.prefault({}),
  quality: QualityLimits.prefault({}),
});
export type SeriesContract = z.infer<typeof SeriesContract>;

/** Steps without an observation from which on a silence is a gap. */
export const GAP_STEPS = 3;

/** Longest silence that is no gap, in milliseconds: `max_gap`, else three steps; `stepMs` where the contract has none. */
export function maxGapMs(contract: SeriesContract | undefined, stepMs: number): number {
  if (contract?.max_gap !== undefined) return durationMs(contract.max_gap);
  return GAP_STEPS * (contract?.every === undefined ? stepMs : durationMs(contract.every));
}

function isPattern(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}
