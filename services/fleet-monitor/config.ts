import { z } from "zod";
import { Duration, durationMs } from "../../shared/contracts/duration.ts";
import { readEnv } from "../../shared/env.ts";
import type { FleetParams } from "./state.ts";

const Environment = z.object({
  RETUNE_FLEET_WINDOW: Duration.default("24h"),
  RETUNE_FLEET_WINDOW_COUNT: z.coerce.number().int().min(1).max(100_000).default(1_000),
  RETUNE_FLEET_OUTAGE_FACTOR: z.coerce.number().min(1).max(1_000).default(3),
  RETUNE_FLEET_OUTAGE_MIN: Duration.default("10m"),
  RETUNE_FLEET_OUTAGE_SHARE: z.coerce.number().gt(0).max(1).default(0.5),
  RETUNE_FLEET_OUTAGE_BELIEVED: Duration.default("7d"),
  RETUNE_FLEET_MOST_ENTITIES: z.coerce.number().int().positive().default(2_000_000),
  RETUNE_FLEET_SAVE_MS: z.coerce.number().positive().default(5_000),
});

export interface FleetSettings extends FleetParams {
  /** How often changed state is saved and alerts are looked at, at most. */
  readonly saveMs: number;
}

/** @throws {InvalidInputError} naming the variable, its value and what was expected */
export function fleetSettings(env: NodeJS.ProcessEnv): FleetSettings {
  const set = readEnv(env, Environment);
  return {
    windowMs: durationMs(set.RETUNE_FLEET_WINDOW),
    windowCount: set.RETUNE_FLEET_WINDOW_COUNT,
    outageFactor: set.RETUNE_FLEET_OUTAGE_FACTOR,
    leastOutageMs: durationMs(set.RETUNE_FLEET_OUTAGE_MIN),
    outageShare: set.RETUNE_FLEET_OUTAGE_SHARE,
    believedAfterMs: durationMs(set.RETUNE_FLEET_OUTAGE_BELIEVED),
    mostEntities: set.RETUNE_FLEET_MOST_ENTITIES,
    saveMs: set.RETUNE_FLEET_SAVE_MS,
  };
}
