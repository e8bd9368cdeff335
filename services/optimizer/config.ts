import { z } from "zod";
import { readEnv } from "../../shared/env.ts";

const Environment = z.object({
  RETUNE_OPTIMIZER_WORKERS: z.coerce.number().int().min(0).max(64).default(1),
  RETUNE_OPTIMIZER_RUNS: z.coerce.number().int().min(1).max(64).default(4),
  RETUNE_OPTIMIZER_DATA_ATTEMPTS: z.coerce.number().int().min(1).max(100).default(5),
  RETUNE_OPTIMIZER_ATTEMPTS: z.coerce.number().int().min(1).max(100).default(8),
  RETUNE_OPTIMIZER_ACK_WAIT_MS: z.coerce.number().int().min(300).default(30_000),
});

export interface OptimizerConfig {
  /** Trials that this process works on at the same time; 0: it only coordinates. */
  readonly workers: number;
  /** Runs that this process coordinates at the same time. */
  readonly runs: number;
  /** Deliveries of a run after which too little data fails it. */
  readonly dataAttempts: number;
  /** Deliveries of a run after which any other trouble fails it. */
  readonly attempts: number;
  /** How long the server waits for a sign of life before it hands a run or a trial to another process. */
  readonly ackWaitMs: number;
}

/** @throws {InvalidInputError} naming the variable, its value and what was expected */
export function optimizerConfig(env: NodeJS.ProcessEnv): OptimizerConfig {
  const set = readEnv(env, Environment);
  return {
    workers: set.RETUNE_OPTIMIZER_WORKERS,
    runs: set.RETUNE_OPTIMIZER_RUNS,
    dataAttempts: set.RETUNE_OPTIMIZER_DATA_ATTEMPTS,
    attempts: set.RETUNE_OPTIMIZER_ATTEMPTS,
    ackWaitMs: set.RETUNE_OPTIMIZER_ACK_WAIT_MS,
  };
}
