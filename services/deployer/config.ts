import { z } from "zod";
import { readEnv } from "../../shared/env.ts";

/** Settings of the deployer, from its environment. */
export const DeployerConfig = z.object({
  RETUNE_GIT_AUTHOR_NAME: z.string().min(1).default("Retune"),
  RETUNE_GIT_AUTHOR_EMAIL: z
    .string()
    .regex(/^[^\s<>]+@[^\s<>]+$/, "expected an e-mail address")
    .default("retune@localhost"),
  RETUNE_GIT_SIGN: z.enum(["true", "false"]).default("false"),
  /** Real time that a forecaster has to report a new config before silence about it counts against it. */
  RETUNE_WATCH_SETTLE_MS: z.coerce.number().int().nonnegative().default(10_000),
  /** Real time between two looks whether files and runs still agree with the bucket. */
  RETUNE_RECONCILE_MS: z.coerce.number().int().positive().default(60_000),
});
export type DeployerConfig = z.infer<typeof DeployerConfig>;

export function deployerConfig(env: NodeJS.ProcessEnv): DeployerConfig {
  return readEnv(env, DeployerConfig);
}

/** Git's settings for the commits of a deployer. */
export function gitSettings(config: DeployerConfig): string[] {
  return [
    `user.name=${config.RETUNE_GIT_AUTHOR_NAME}`,
    `user.email=${config.RETUNE_GIT_AUTHOR_EMAIL}`,
    `commit.gpgsign=${config.RETUNE_GIT_SIGN}`,
    "init.defaultBranch=main",
    "maintenance.auto=false", // a commit must not wait for housekeeping
    "core.abbrev=40", // a commit says its whole hash
  ];
}
