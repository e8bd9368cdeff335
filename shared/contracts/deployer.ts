import { z } from "zod";
import { StepData } from "./envelope.ts";
import { LiveConfig } from "./live-config.ts";
import { RunId, Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** DeploymentReport. (A-DEP-5) */
export const Deployed = StepData.extend({
  success: z.literal(true),
  config: LiveConfig,
  revision: z.int().positive().describe("revision of live-configs that was written"),
  previous: LiveConfig.nullable(),
  backup_path: z.string().nullable().describe("relative to configs/live; null for a first deployment"),
  git_hash: z.string().nullable(),
  warnings: z.array(z.string()),
});
export type Deployed = z.infer<typeof Deployed>;

export const Check = z.object({
  at: Timestamp,
  healthy: z.boolean(),
  reasons: z.array(z.string()),
  figures: z.record(z.string(), z.number().nullable()),
});
export type Check = z.infer<typeof Check>;

export const Verified = StepData.extend({
  config_version: z.int().positive(),
  checks: z.int().nonnegative(),
  failed_checks: z.int().nonnegative(),
  watched_from: Timestamp,
  watched_to: Timestamp,
});
export type Verified = z.infer<typeof Verified>;

export const RolledBack = StepData.extend({
  cause: z.enum(["watch", "manual", "failed-deployment"]),
  reasons: z.array(z.string()),
  rolled_back_run: RunId.describe(
    "the run whose config was taken back; equals run_id while its watch was on",
  ),
  from_version: z.int().positive(),
  restored: LiveConfig.nullable().describe("the config that is live again; null where there was none before"),
  revision: z.int().nonnegative(),
  git_hash: z.string().nullable(),
  requested_by: z.string().optional(),
  last_checks: z.array(Check),
  warnings: z.array(z.string()),
});
export type RolledBack = z.infer<typeof RolledBack>;

/** Request and reply of `deployer.rollback`. */
export const RollbackRequest = z.object({
  forecaster: Token,
  requested_by: z.string().max(200).optional(),
  reason: z.string().max(1000).optional(),
});
/** Request of `deployer.approve`: a person's word on a held run. */
export const ApproveRequest = z.object({
  run: RunId,
  approve: z.boolean().default(true),
  by: z.string().min(1).max(200),
  note: z.string().max(1000).optional(),
});
