import { z } from "zod";
import { CloudEvent } from "../../shared/contracts/envelope.ts";
import type { RunSummary } from "../../shared/contracts/run.ts";
import { RunId, STEPS, Token } from "../../shared/contracts/subjects.ts";
import { Timestamp } from "../../shared/contracts/telemetry.ts";
import { Validated } from "../../shared/contracts/validator.ts";
import { Handled, nothingHandled } from "./handled.ts";

const Ms = z.number().describe("ms since the epoch");
const Sequence = z.int().nonnegative();

/** An event that was decided and may not have been published yet. */
export const Outgoing = z.object({ subject: z.string(), event: CloudEvent });
export type Outgoing = z.infer<typeof Outgoing>;

/** Squared errors of the champion's scores whose target lies in [start, start + width of a bucket). */
export const ErrorBucket = z.object({
  start: Ms,
  n: z.int().positive(),
  sse: z.number().nonnegative().describe("sum of squared errors"),
  first: Sequence.describe("sequence in TELEMETRY of its first score"),
});
export type ErrorBucket = z.infer<typeof ErrorBucket>;

/** Time in ms, value, sequence in TELEMETRY. */
export const Point = z.tuple([Ms, z.number(), Sequence]);
export type Point = z.infer<typeof Point>;

/** What the detectors look at. Bucket `states`, key `trigger.<forecaster>`; rebuilt from TELEMETRY. */
export const MonitorState = z.object({
  forecaster: Token,
  scores: Handled.describe("sequences in TELEMETRY, delivered by trigger-scores"),
  observations: Handled.describe("sequences in TELEMETRY, delivered by trigger-observations"),
  observed: z.int().nonnegative().describe("observations of the series ever seen"),
  buckets: z.array(ErrorBucket).describe("ascending"),
  errors: z.array(Point).describe("one-step errors, ascending in time"),
  values: z.array(Point).describe("observed values, ascending in time"),
  newest_score: Ms.nullable(),
  newest_observation: Ms.nullable(),
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
});
export type ActiveRun = z.infer<typeof ActiveRun>;

/** Who may run. Bucket `states`, key `arbiter.<forecaster>`; rebuilt from DECISIONS. */
export const ArbiterState = z.object({
  forecaster: Token,
  active: ActiveRun.nullable(),
  last_triggered_at: Timestamp.nullable().describe(
    "of the last accepted run that nobody asked for: starts the cool-down",
  ),
  last_first_at: Timestamp.nullable().describe("of the last attempt at a first deployment"),
  last_optimized_at: Timestamp.nullable().describe("of the last completed search"),
  refused_for: z
    .string()
    .nullable()
    .describe("what last kept a triggered run back; told once, not once a day"),
  requests: Handled.describe("sequences in DECISIONS of requests, delivered by trigger-requests"),
  evaluations: Handled.describe("sequences in DECISIONS of evaluations, delivered by trigger-steps"),
  outbox: z.array(Outgoing),
});
export type ArbiterState = z.infer<typeof ArbiterState>;

export function initialMonitor(forecaster: string): MonitorState {
  return {
    forecaster,
    scores: nothingHandled,
    observations: nothingHandled,
    observed: 0,
    buckets: [],
    errors: [],
    values: [],
    newest_score: null,
    newest_observation: null,
    evaluated_at: null,
    timer_at: null,
    checked_at: null,
    outbox: [],
  };
}

export function initialArbiter(forecaster: string): ArbiterState {
  return {
    forecaster,
    active: null,
    last_triggered_at: null,
    last_first_at: null,
    last_optimized_at: null,
    refused_for: null,
    requests: nothingHandled,
    evaluations: nothingHandled,
    outbox: [],
  };
}

/** Bucket `runs`, key = run id. */
export const StoredRun = z.looseObject({
  run_id: RunId,
  forecaster: Token,
  state: z.enum(STEPS),
  steps: z.array(z.looseObject({ step: z.enum(STEPS), sequence: Sequence })),
}) as unknown as z.ZodType<RunSummary>;
