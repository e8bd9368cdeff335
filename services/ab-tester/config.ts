import { z } from "zod";
import { Duration, durationMs } from "../../shared/contracts/duration.ts";
import { readEnv } from "../../shared/env.ts";

const Environment = z.object({
  RETUNE_TRIAL_CHECK: Duration.default("5s"),
});

export interface AbTesterConfig {
  /** Real time between looks at the clock: tests end in the clock's time, whatever speed it has. */
  readonly checkMs: number;
}

/** @throws {InvalidInputError} naming the variable, its value and what was expected */
export function abTesterConfig(env: NodeJS.ProcessEnv): AbTesterConfig {
  return { checkMs: durationMs(readEnv(env, Environment).RETUNE_TRIAL_CHECK) };
}
