import { z } from "zod";
import { Duration, durationMs } from "../../shared/contracts/duration.ts";
import { InvalidInputError } from "../../shared/errors.ts";

const FleetConfig = z.object({
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

/** @throws {InvalidInputError} naming the variable and what was expected */
export function fleetSettings(env: NodeJS.ProcessEnv): FleetSettings {
  const parsed = FleetConfig.safeParse(
    Object.fromEntries(Object.entries(env).filter(([, value]) => value !== "")),
  );
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new InvalidInputError(`environment variable ${name} is '${env[name]}': ${issue?.message}`);
  }
  return { windowMs: durationMs(parsed.data.RETUNE_FLEET_WINDOW), saveMs: parsed.data.RETUNE_FLEET_SAVE_MS };
}
