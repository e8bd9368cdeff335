import { z } from "zod";
import { Token } from "./subjects.ts";
import { Entity, Timestamp } from "./telemetry.ts";

export const ENTITY_STATES = ["new", "active", "offline", "sunset-candidate", "sunset"] as const;

/** Bucket `fleet`, key = series. An entity is `known` once a live forecaster has predicted it as known. */
export const FleetState = z.looseObject({
  series: Token,
  entities: z.record(Entity, z.object({ first_seen: Timestamp, last_seen: Timestamp, known: z.boolean() })),
  last_sequence: z.int().nonnegative(),
});
export type FleetState = z.infer<typeof FleetState>;

/** Reply of `fleet-monitor.status`, one row a series. */
export const FleetStatus = z.object({
  series: Token,
  seen: z.int().nonnegative(),
  new: z.array(Entity),
  silent: z.array(z.object({ entity: Entity, state: z.enum(ENTITY_STATES), days: z.number() })),
  drift: z.number().nonnegative().nullable().describe("(new + sunset) / known; null while nothing is known"),
  unknown_rate: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("unknown predictions / predictions over the rolling window"),
});
export type FleetStatus = z.infer<typeof FleetStatus>;
