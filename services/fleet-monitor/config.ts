import { z } from "zod";
import { Duration, durationMs } from "../../shared/contracts/duration.ts";
import { readEnv } from "../../shared/env.ts";

const Environment = z.object({
  RETUNE_FLEET_WINDOW: Duration.default("24h").describe(
    "rolling window of the unknown-prediction rate, in event time",
  ),
  RETUNE_FLEET_SAVE_MS: z.coerce.number().positive().default(5_000),
});

export interface FleetSettings {
  readonly windowMs: number;
  /** How often changed state is saved. */
  readonly saveMs: number;
}

/** @throws {InvalidInputError} naming the variable, its value and what was expected */
export function fleetSettings(env: NodeJS.ProcessEnv): FleetSettings {
  const set = readEnv(env, Environment);
  return { windowMs: durationMs(set.RETUNE_FLEET_WINDOW), saveMs: set.RETUNE_FLEET_SAVE_MS };
}
