import { z } from "zod";
import { readEnv } from "../../shared/env.ts";

const Environment = z.object({
  RETUNE_VALIDATOR_ATTEMPTS: z.coerce.number().int().min(1).max(100).default(4),
  RETUNE_VALIDATOR_ROUNDS: z.coerce.number().int().min(1).max(1_000).default(15),
  RETUNE_VALIDATOR_ACK_WAIT_MS: z.coerce.number().int().min(300).default(30_000),
});

export interface ValidatorConfig {
  /** Deliveries after which trouble that might have passed is given as the verdict's reason. */
  readonly attempts: number;
  /** Forecasts of each config whose median is its inference time. */
  readonly rounds: number;
  /** How long the server waits for a sign of life before it hands a run to another process. */
  readonly ackWaitMs: number;
}

/** @throws {InvalidInputError} naming the variable, its value and what was expected */
export function validatorConfig(env: NodeJS.ProcessEnv): ValidatorConfig {
  const set = readEnv(env, Environment);
  return {
    attempts: set.RETUNE_VALIDATOR_ATTEMPTS,
    rounds: set.RETUNE_VALIDATOR_ROUNDS,
    ackWaitMs: set.RETUNE_VALIDATOR_ACK_WAIT_MS,
  };
}
