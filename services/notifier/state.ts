import { z } from "zod";
import { Token } from "../../shared/contracts/subjects.ts";
import { Timestamp } from "../../shared/contracts/telemetry.ts";

/** Bucket `states`, key `notifier.<forecaster>`: what the rules need to remember. */
export const NotifierState = z.object({
  forecaster: Token,
  seen: z
    .array(z.int().nonnegative())
    .describe("newest sequences of DECISIONS that were folded in, ascending"),
  first_seen_at: Timestamp.nullable(),
  last_optimized_at: Timestamp.nullable(),
  rejections: z.int().nonnegative().describe("validations in a row that found nothing better"),
  open: z
    .record(z.string(), Timestamp)
    .describe("rules whose alert was raised and not cleared yet, and since when"),
});
export type NotifierState = z.infer<typeof NotifierState>;

export function initialState(forecaster: string): NotifierState {
  return { forecaster, seen: [], first_seen_at: null, last_optimized_at: null, rejections: 0, open: {} };
}

export const stateKey = (forecaster: string) => `notifier.${forecaster}`;
