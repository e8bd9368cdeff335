import { z } from "zod";
import { CloudEvent } from "../../shared/contracts/envelope.ts";
import type { RunSummary } from "../../shared/contracts/run.ts";
import { RunId, STEPS, Token } from "../../shared/contracts/subjects.ts";
import { Timestamp } from "../../shared/contracts/telemetry.ts";
import { Accepted } from "../../shared/contracts/trigger.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { Handled, nothingHandled } from "./handled.ts";
import { ExactSum } from "./monitor/exact-sum.ts";

const Ms = z.number().describe("ms since the epoch");
const Sequence = z.int().nonnegative();

/** An event that was decided and may not have been published yet. */
export const Outgoing = z.object({ subject: z.string(), event: CloudEvent });
export type Outgoing = z.infer<typeof Outgoing>;

/** Sum of one measure over the scores that have it. */
export const Tally = z.object({
  n: z.int().positive(),
  total: ExactSum,
  squares: ExactSum.optional().describe("sum of squares, where the measure needs it"),
});
export type Tally = z.infer<typeof Tally>;

/** The champion's scores whose target lies in [start, start + width of a bucket). */
export const ErrorBucket = z.object({
  start: Ms,
  n: z.int().positive(),
  sse: ExactSum.describe("sum of squared errors"),
  first: Sequence.describe("sequence in TELEMETRY of its first score"),
  tallies: z
    .record(z.string(), Tally)
    .optional()
    .describe("by metric; those that the spec's detectors look at"),
});
export type ErrorBucket = z.infer<typeof ErrorBucket>;

/** Time in ms, value, sequence in TELEMETRY. */
export const Point = z.tuple([Ms, z.number(), Sequence]);
export type Point = z.infer<typeof Point>;

/** What is kept of one entity of a fleet. */
export const PanelMember = z.object({
  errors: z.array(Point).describe("one-step errors, ascending in time"),
  values: z.array(Point).describe("observed values, ascending in time"),
});
export type PanelMember = z.infer<typeof PanelMember>;

/** Statistics that evaluations came to: time in ms, statistic. */
export const Trail = z.array(z.tuple([Ms, z.number()]));
export type Trail = z.infer<typeof Trail>;

const Both = z.object({ scores: Sequence, observations: Sequence });
const Late = z.object({ scores: z.array(Sequence), observations: z.array(Sequence) });

/** What the detectors look at. Bucket `states`, key `trigger.<forecaster>`; rebuilt from TELEMETRY. */
export const MonitorState = z.object({
  forecaster: Token,
  stream_created: z
    .string()
    .nullable()
    .default(null)
    .describe("TELEMETRY as the sequences below mean it; null in states of older versions"),
  born_at: Sequence.default(0).describe("first sequence there was when this state began"),
  scores: Handled.describe("sequences in TELEMETRY, delivered by trigger-scores"),
  observations: Handled.describe("sequences in TELEMETRY, delivered by trigger-observations"),
  receipt: Both.default({ scores: 0, observations: 0 }).describe("newest sequences the last receipt names"),
  late: Late.default({ scores: [], observations: [] }).describe(
    "sequences up to those that were taken in since: that receipt was made without them",
  ),
  layout: z.string().default("").describe("how sums and points below were made from telemetry"),
  source: z.string().default("").describe("which values of which series were looked at"),
  relaid: Both.nullable().default(null).describe("newest sequences taken in under an older layout"),
  observed: z.int().nonnegative().describe("observations of the series ever seen"),
  buckets: z.array(ErrorBucket).describe("ascending"),
  errors: z.array(Point).describe("one-step errors, ascending in time"),
  values: z.array(Point).describe("observed values, ascending in time"),
  watched: z.record(z.string(), z.array(Point)).default({}).describe("by name: values of `also_watch`"),
  panel: z
    .record(z.string(), PanelMember)
    .default({})
    .describe("of a forecaster of all entities, by name: those looked at one by one"),
  newest_score: Ms.nullable(),
  newest_observation: Ms.nullable(),
  deployed_at: Ms.nullable().default(null).describe("of the live config: its first scores are kept"),
  rolled_back: z
    .array(z.object({ run: RunId, from: Ms, to: Ms.nullable().describe("null while it is live") }))
    .default([])
    .describe("lives of deployed configs; those that were rolled back, and the newest"),
  streak: z
    .int()
    .nonnegative()
    .default(0)
    .describe("evaluations in a row that said yes, before confirmation"),
  trails: z.record(z.string(), Trail).default({}).describe("by detector, for forecasts of drift"),
  evaluated_at: Ms.nullable().describe("event time of the last evaluation that telemetry caused"),
  timer_at: Ms.nullable().describe("clock time of the last evaluation that the timer caused"),
  checked_at: Ms.nullable().describe("clock time of the last evaluation of any cause"),
  outbox: z.array(Outgoing),
});
export type MonitorState = z.infer<typeof MonitorState>;

/** The run a forecaster has now. */
export const ActiveRun = z.object({
  run: RunId,
  step: z.enum(STEPS).describe("the newest one"),
  step_sequence: Sequence.describe("in DECISIONS; 0 until the step has come back from the stream"),
  step_stored_at: Ms.describe("machine time"),
  first_deployment: z.boolean(),
  next_stage: Validated.shape.next_stage,
  accepted_stored_at: Ms.optional().describe("machine time"),
  search_seconds: z.number().nonnegative().optional().describe("what its search took, once it is over"),
  action: Accepted.shape.action.default("search"),
  escalates_to: Accepted.shape.escalates_to,
});
export type ActiveRun = z.infer<typeof ActiveRun>;

/** A run that is wished for: by a person, by evaluations, by a schedule. */
export const Wish = z.object({
  cause: Accepted.shape.cause,
  action: Accepted.shape.action.default("search"),
  priority: Accepted.shape.priority,
  reasons: Accepted.shape.reasons,
  requested_by: Accepted.shape.requested_by,
  schedules: Accepted.shape.schedules,
  caused_by: Accepted.shape.caused_by,
  coalesced: Accepted.shape.coalesced,
  since: Timestamp.describe("when it was first wished for"),
  origin: z.string().describe("what wished for it first: the ids of its run derive from it"),
  stored_at: Ms.describe("when that was stored, machine time; of a schedule, the scheduled time"),
});
export type Wish = z.infer<typeof Wish>;

/** A run that has ended, for what runs cost. */
export const EndedRun = z.object({
  run: RunId,
  end: z.enum(STEPS),
  seconds: z.number().nonnegative().describe("machine time from accepted to its end"),
  search_seconds: z.number().nonnegative().nullable().describe("null where no search was completed"),
});
export type EndedRun = z.infer<typeof EndedRun>;

/** Who may run. Bucket `states`, key `arbiter.<forecaster>`; rebuilt from DECISIONS. */
export const ArbiterState = z.object({
  forecaster: Token,
  stream_created: z
    .string()
    .nullable()
    .default(null)
    .describe("DECISIONS as the sequences below mean it; null in states of older versions"),
  active: ActiveRun.nullable().default(null),
  pending: Wish.nullable()
    .default(null)
    .describe("a run that waits for its time; never beside an active one"),
  last_triggered_at: Timestamp.nullable()
    .default(null)
    .describe("of the last accepted run that evaluations asked for: starts the cool-down"),
  last_first_at: Timestamp.nullable().default(null).describe("of the last attempt at a first deployment"),
  person_decided_at: Timestamp.nullable()
    .default(null)
    .describe("of a person's last rollback, approval or rejection: starts the cool-down, too"),
  last_optimized_at: Timestamp.nullable().default(null).describe("of the last completed search"),
  automatic_at: z.array(Ms).default([]).describe("accepted runs of the last 7 days that no person asked for"),
  schedules: z
    .record(z.string(), Ms)
    .default({})
    .describe("by cron and zone: the last scheduled time dealt with"),
  ended: z.array(EndedRun).default([]).describe("the last 20 runs, oldest first"),
  refused_for: z
    .string()
    .nullable()
    .default(null)
    .describe("what last kept a triggered run back; told once, not once a day"),
  last_asked: z
    .object({ key: z.string(), run: RunId, at: Ms })
    .nullable()
    .default(null)
    .describe("the request that the last manual run answers, and when its newest copy was stored"),
  requests: Handled.default(nothingHandled).describe(
    "sequences in DECISIONS of requests, delivered by trigger-requests",
  ),
  evaluations: Handled.default(nothingHandled).describe(
    "sequences in DECISIONS of evaluations, delivered by trigger-steps",
  ),
  outbox: z.array(Outgoing).default([]),
});
export type ArbiterState = z.infer<typeof ArbiterState>;

export function initialMonitor(forecaster: string): MonitorState {
  return {
    forecaster,
    stream_created: null,
    born_at: 0,
    scores: nothingHandled,
    observations: nothingHandled,
    receipt: { scores: 0, observations: 0 },
    late: { scores: [], observations: [] },
    layout: "",
    source: "",
    relaid: null,
    observed: 0,
    buckets: [],
    errors: [],
    values: [],
    watched: {},
    panel: {},
    newest_score: null,
    newest_observation: null,
    deployed_at: null,
    rolled_back: [],
    streak: 0,
    trails: {},
    evaluated_at: null,
    timer_at: null,
    checked_at: null,
    outbox: [],
  };
}

export function initialArbiter(forecaster: string): ArbiterState {
  return ArbiterState.parse({ forecaster });
}

/** Bucket `runs`, key = run id. */
export const StoredRun = z.looseObject({
  run_id: RunId,
  forecaster: Token,
  state: z.enum(STEPS),
  steps: z.array(z.looseObject({ step: z.enum(STEPS), sequence: Sequence })),
}) as unknown as z.ZodType<RunSummary>;
