import { z } from "zod";
import { Duration, durationMs } from "../../shared/contracts/duration.ts";
import { readEnv } from "../../shared/env.ts";

const Environment = z.object({
  RETUNE_RUN_TIMEOUT: Duration.default("6h"),
});

export interface TriggerConfig {
  /** Machine time a run may go without a new step before it is concluded as failed. */
  readonly runTimeoutMs: number;
}

/** @throws {InvalidInputError} naming the variable, its value and what was expected */
export function triggerConfig(env: NodeJS.ProcessEnv): TriggerConfig {
  return { runTimeoutMs: durationMs(readEnv(env, Environment).RETUNE_RUN_TIMEOUT) };
}
