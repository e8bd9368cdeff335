import { z } from "zod";
import { Duration, durationMs } from "../../shared/contracts/duration.ts";
import { Token } from "../../shared/contracts/subjects.ts";
import { readEnv } from "../../shared/env.ts";

const Environment = z.object({
  FORECASTERS: z
    .string()
    .optional()
    .transform((list) => list?.split(",").map((id) => id.trim()))
    .pipe(z.array(Token).optional())
    .describe("ids this process serves, separated by commas; absent: every enabled spec"),
  RETUNE_HEALTH_INTERVAL: Duration.default("5s"),
  RETUNE_CONFIG_POLL: Duration.default("3s"),
  RETUNE_WINDOW_TIMEOUT: Duration.default("2s"),
  RETUNE_FLEET_COLLECT: Duration.default("25ms"),
  RETUNE_MODEL_THREADS: z.coerce.number().int().min(1).max(64).default(2),
});

export interface ForecasterConfig {
  /** Undefined: every enabled spec. */
  readonly only: readonly string[] | undefined;
  /** Real time between heartbeats. */
  readonly healthIntervalMs: number;
  /** Real time between direct reads of the live configs, and between tries of a load that failed. */
  readonly pollMs: number;
  /** How long the inference buffer may take to answer. */
  readonly windowTimeoutMs: number;
  /** How long observations of a fleet are collected before its entities are forecast together. */
  readonly collectMs: number;
  readonly modelThreads: number;
}

/** @throws {InvalidInputError} naming the variable, its value and what was expected */
export function forecasterConfig(env: NodeJS.ProcessEnv): ForecasterConfig {
  const read = readEnv(env, Environment);
  return {
    only: read.FORECASTERS,
    healthIntervalMs: durationMs(read.RETUNE_HEALTH_INTERVAL),
    pollMs: durationMs(read.RETUNE_CONFIG_POLL),
    windowTimeoutMs: durationMs(read.RETUNE_WINDOW_TIMEOUT),
    collectMs: durationMs(read.RETUNE_FLEET_COLLECT),
    modelThreads: read.RETUNE_MODEL_THREADS,
  };
}
