import { z } from "zod";
import { Evidence, StepData } from "./envelope.ts";
import { OUTAGE_REASONS } from "./fleet-monitor.ts";
import { DETECTORS, SEVERITIES } from "./spec-detectors.ts";
import { Action } from "./spec-remedies.ts";
import { Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

export const PRIORITIES = ["low", "medium", "high"] as const;

/** `retrain.request`: please. Empty or `{}` means every forecaster; a bare id is understood too. (K-4) */
export const RetrainRequest = z.looseObject({
  forecaster: Token.optional(),
  reason: z.string().max(1000).optional(),
  priority: z.enum(PRIORITIES).optional(),
  requested_by: z.string().max(200).optional(),
  action: Action.default("search"),
  request_id: z
    .string()
    .max(200)
    .optional()
    .describe("tells requests apart that say the same: without, one repeated within 10 s is a copy"),
});
export type RetrainRequest = z.infer<typeof RetrainRequest>;

const CAUSES = ["manual", "trigger", "first-deployment", "schedule", "escalation"] as const;

const Figures = z.record(z.string(), z.union([z.number(), z.string(), z.null()]));
const Thresholds = z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]));

/** One sample's test within a detector that looks at several. */
export const DetectorTest = z.object({
  sample: z.string().describe("what was compared: errors, or a metric of the series and its entity"),
  p_value: z.number().min(0).max(1),
  adjusted: z.number().min(0).max(1).optional().describe("for all tests of the evaluation: false_discovery"),
  severity: z.enum(SEVERITIES).optional(),
  severe: z.boolean().describe("the change is large enough to matter, whatever its p-value"),
  fired: z.boolean(),
});
export type DetectorTest = z.infer<typeof DetectorTest>;

const Verdict = z.object({
  fired: z.boolean().nullable(),
  severity: z.enum(SEVERITIES).optional(),
  reason: z.string(),
  statistic: z
    .number()
    .nullable()
    .default(null)
    .describe("it fires where this reaches `threshold`; null where it cannot tell or never had a beginning"),
  threshold: z.number().nullable().default(null),
  figures: Figures,
  thresholds: Thresholds,
  tests: z.array(DetectorTest).optional(),
});

/** One detector's figures. `fired` is null where it cannot tell, and `reason` says why. */
export const DetectorResult = Verdict.extend({
  detector: z.enum(DETECTORS),
  warns: z.boolean().optional().describe("it would fire, and its settings say that it only warns"),
  trial: Verdict.optional().describe("under the settings on trial, which never trigger"),
});
export type DetectorResult = z.infer<typeof DetectorResult>;

/** Time that detectors leave out: `series` concerns values and errors, `forecaster` errors alone. */
export const LeftOut = z.object({
  of: z.enum(["series", "forecaster"]),
  why: z.enum(["incident", "rolled-back"]),
  from: Timestamp.describe("inclusive"),
  to: Timestamp.nullable().describe("exclusive; null while it lasts"),
});
export type LeftOut = z.infer<typeof LeftOut>;

/** What `fleet-monitor.status` said about the series. */
export const FleetInput = z.object({
  known: z.int().nonnegative(),
  new: z.int().nonnegative(),
  new_ripe: z
    .int()
    .nonnegative()
    .optional()
    .describe("of the new, for a forecaster of all entities: those with history enough to be learnt from"),
  sunset: z.int().nonnegative(),
  drift: z.number().nonnegative().nullable(),
  unknown_by_time: z.number().min(0).max(1).nullable(),
  unknown_by_count: z.number().min(0).max(1).nullable(),
  predictions: z.int().nonnegative().describe("the greater of both windows"),
  outage: z.object({ since: Timestamp, reason: z.enum(OUTAGE_REASONS) }).nullable(),
});
export type FleetInput = z.infer<typeof FleetInput>;

/** All that an evaluation depends on besides the spec, its time and the telemetry up to the receipt's sequences. */
export const EvaluationInputs = z.object({
  live: z.boolean().default(true).describe("false until the forecaster was deployed for the first time"),
  history: z.int().nonnegative().default(0).describe("observations a search could use; until it is live"),
  last_optimized_at: Timestamp.nullable().default(null),
  deployment: z
    .object({
      at: Timestamp,
      validation: z
        .record(z.string(), z.number())
        .describe("measures that the live config was validated with"),
    })
    .nullable()
    .default(null),
  left_out: z.array(LeftOut).default([]),
  fleet: FleetInput.nullable().default(null).describe("null where it was not asked or did not answer"),
  run_seconds: z.number().nonnegative().nullable().default(null).describe("median of past runs"),
  confirms: z
    .boolean()
    .default(true)
    .describe("false: somebody asked; it confirms nothing, or asking twice would"),
  streak: z.int().nonnegative().default(0).describe("evaluations before this one, in a row, that said yes"),
  trails: z
    .record(z.string(), z.array(z.tuple([Timestamp, z.number()])))
    .default({})
    .describe("statistics that earlier evaluations came to, of the detectors that `crossing` looks at"),
});
export type EvaluationInputs = z.infer<typeof EvaluationInputs>;

const Sequences = z.array(z.int().nonnegative());

/** The messages of TELEMETRY that an evaluation was made from. */
export const EvaluatedStream = z.object({
  name: z.literal("TELEMETRY"),
  first_sequence: z.int().nonnegative().describe("oldest that a figure comes from"),
  last_sequence: z.int().nonnegative(),
  scores: z.int().nonnegative().describe("newest message of scores that was taken in"),
  observations: z.int().nonnegative().describe("newest message of observations that was taken in"),
  born_at: z
    .int()
    .nonnegative()
    .describe("first sequence there was when the state began; older ones are not in it"),
  late: z
    .object({ scores: Sequences, observations: Sequences })
    .describe("not younger than what the receipt before names, and taken in since: that one lacks them"),
  relaid: z
    .object({ scores: z.int().nonnegative(), observations: z.int().nonnegative() })
    .nullable()
    .describe("what was taken in up to here was summed and thinned by other windows of the spec"),
});
export type EvaluatedStream = z.infer<typeof EvaluatedStream>;

/** `retrain.evaluated.<forecaster>`: the TriggerReport, also when the answer is no. (A-TRG-4) */
export const Evaluated = z.looseObject({
  forecaster: Token,
  caused_by: z.array(z.int().nonnegative()),
  cause: z.enum(CAUSES).optional(),
  should_optimize: z.boolean(),
  reasons: z.array(z.string()),
  warnings: z.array(z.string()).optional(),
  detectors: z.array(DetectorResult),
  combination: z
    .object({
      rule: z.string(),
      verdict: z.boolean().nullable().describe("null: it hangs on detectors that cannot tell"),
    })
    .optional(),
  confirmation: z.object({ count: z.int().nonnegative(), needed: z.int().positive() }).optional(),
  false_discovery: z
    .object({
      rate: z.number(),
      method: z.string(),
      tests: z.int().nonnegative(),
      found: z.int().nonnegative(),
    })
    .optional(),
  expected_gain: z
    .number()
    .min(0)
    .nullable()
    .optional()
    .describe("share of the error that undoing the degradation takes away; null: not known"),
  run_cost: z.object({ seconds: z.number().nonnegative().nullable() }).optional(),
  trial: z
    .object({ fired: z.array(z.enum(DETECTORS)), verdict: z.boolean().nullable() })
    .optional()
    .describe("what detectors with their settings on trial would have said, before confirmation and cost"),
  evidence: Evidence,
});
export type Evaluated = z.infer<typeof Evaluated>;

/** A time of a schedule that a run answers. */
export const ScheduledTime = z.object({ cron: z.string(), zone: z.string(), at: Timestamp });
export type ScheduledTime = z.infer<typeof ScheduledTime>;

const Answer = StepData.extend({
  cause: z.enum(CAUSES),
  coalesced: z.int().nonnegative().describe("further requests and evaluations that this answers"),
  schedules: z.array(ScheduledTime).optional(),
  waited_since: Timestamp.optional().describe("when it was first asked for, where it had to wait"),
});

export const Accepted = Answer.extend({
  action: Action,
  escalates_to: Action.nullable().default(null).describe("what follows where this is not approved"),
  priority: z.enum(PRIORITIES),
  reasons: z.array(z.string()),
  requested_by: z.string().optional(),
  window: z
    .enum(["maintenance", "deadline", "quiet-over"])
    .optional()
    .describe("what let it run now: a maintenance window, trigger.medium_within, the end of quiet windows"),
});
export type Accepted = z.infer<typeof Accepted>;

export const Refused = Answer.extend({
  reason: z.enum([
    "unknown-forecaster",
    "disabled",
    "run-active",
    "repeated",
    "cool-down",
    "superseded-by-person",
    "budget",
    "quiet",
    "recovered",
  ]),
  message: z.string(),
  active_run: z.string().optional(),
});
export type Refused = z.infer<typeof Refused>;

/** One forecaster as `trigger.status` tells of it. */
export const ArbiterStatus = z.object({
  forecaster: Token,
  enabled: z.boolean(),
  active: z.object({ run: z.string(), step: z.string() }).nullable(),
  pending: z
    .object({
      cause: z.enum(CAUSES),
      priority: z.enum(PRIORITIES),
      reasons: z.array(z.string()),
      since: Timestamp,
      starts_at: Timestamp.nullable().describe("as things are; null: no window ever lets it"),
    })
    .nullable()
    .describe("a run that waits for its time"),
  next_schedule: ScheduledTime.nullable(),
  cooldown_until: Timestamp.nullable().describe("for triggered runs; null: none, or over"),
  budget: z
    .object({ runs: z.int(), used: z.int(), left: z.int() })
    .nullable()
    .describe("of any 7 days; null: no limit"),
  quiet: z.boolean().describe("a quiet window is open"),
  last_triggered_at: Timestamp.nullable(),
  person_decided_at: Timestamp.nullable(),
  last_optimized_at: Timestamp.nullable(),
});
export type ArbiterStatus = z.infer<typeof ArbiterStatus>;

/** Reply of `trigger.status`, asked with `{}` or `{"forecaster":"usdclp-7d"}`. */
export const TriggerStatus = z.object({ at: Timestamp, forecasters: z.array(ArbiterStatus) });
export type TriggerStatus = z.infer<typeof TriggerStatus>;
