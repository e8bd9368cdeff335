import { z } from "zod";
import { Check, type Deployed } from "../../shared/contracts/deployer.ts";
import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import { LiveConfig, modelVersion } from "../../shared/contracts/live-config.ts";
import { RunId, Token } from "../../shared/contracts/subjects.ts";
import { Timestamp } from "../../shared/contracts/telemetry.ts";

/** A rollback that was decided: saved before anything is changed, so that any deployer can finish it. */
export const RollbackIntent = z.object({
  cause: z.enum(["watch", "manual"]),
  reasons: z.array(z.string()),
  requested_by: z.string().optional(),
  event_run: RunId.describe(
    "the run in whose name it is published; equals rolled_back_run while that is watched",
  ),
  rolled_back_run: RunId,
  from_version: z.int().positive(),
  to: LiveConfig.nullable(),
  at: Timestamp,
  claimed_at_ms: z.number().describe("machine time; a claim that is old belonged to a process that died"),
});
export type RollbackIntent = z.infer<typeof RollbackIntent>;

/** Sums of squared errors of one config's scores, by step of the forecast. */
export const ScoreSums = z.record(
  z.string(),
  z.object({
    n: z.int().nonnegative(),
    squares: z.number().nonnegative(),
    naive: z
      .object({ n: z.int().nonnegative(), squares: z.number().nonnegative() })
      .optional()
      .describe("of the last-value forecast, on the scores of a fleet that carry it"),
  }),
);
export type ScoreSums = z.infer<typeof ScoreSums>;

/** Bucket `states`, key `watch.<forecaster>`: the watch over its newest deployment. */
export const WatchState = z.object({
  forecaster: Token,
  run_id: RunId,
  deployed_sequence: z
    .int()
    .nonnegative()
    .describe("of the deployed event in DECISIONS; 0 where there is none"),
  phase: z.enum(["watching", "verifying", "rolling-back", "ended"]),
  from: Timestamp,
  started_at_ms: z
    .number()
    .describe("machine time: heartbeats and the stream's times are of the machine, too"),
  revision: z.int().nonnegative(),
  config_version: z.int().positive(),
  model_version: z.string(),
  first_deployment: z.boolean(),
  previous: z.object({ model_version: z.string(), validation_rmse: z.number().nullable() }).nullable(),
  scores: z.object({ current: ScoreSums, previous: ScoreSums }),
  score_sequence: z
    .int()
    .nonnegative()
    .describe("last message of TELEMETRY that was folded in; 0 before the first reading"),
  checks: z.int().nonnegative(),
  failed_checks: z.int().nonnegative(),
  consecutive_failures: z.int().nonnegative(),
  last_checks: z.array(Check),
  last_check_at: Timestamp.nullable(),
  rollback: RollbackIntent.nullable(),
});
export type WatchState = z.infer<typeof WatchState>;

export const watchKey = (forecaster: string) => `watch.${forecaster}`;

/** State at the beginning of a watch. */
export function newWatch(
  deployed: Pick<Deployed, "config" | "revision" | "previous">,
  at: { phase: WatchState["phase"]; from: string; startedAtMs: number; sequence: number },
): WatchState {
  const { config, revision, previous } = deployed;
  return {
    forecaster: config.forecaster,
    run_id: config.run_id,
    deployed_sequence: at.sequence,
    phase: at.phase,
    from: at.from,
    started_at_ms: at.startedAtMs,
    revision,
    config_version: config.version,
    model_version: modelVersion(config),
    first_deployment: previous === null,
    previous: previous && {
      model_version: modelVersion(previous),
      validation_rmse: previous.validation_rmse,
    },
    scores: { current: {}, previous: {} },
    score_sequence: 0,
    checks: 0,
    failed_checks: 0,
    consecutive_failures: 0,
    last_checks: [],
    last_check_at: null,
    rollback: null,
  };
}

/** The watch that a `deployed` event starts. */
export function watchOf(event: CloudEvent<Deployed>, sequence: number, startedAtMs: number): WatchState {
  return newWatch(event.data, { phase: "watching", from: event.time, startedAtMs, sequence });
}
