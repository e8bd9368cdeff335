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
  searching: z
    .record(z.string(), Timestamp)
    .default({})
    .describe("runs whose search has not ended, and when they were accepted"),
  open: z
    .record(z.string(), Timestamp)
    .describe("rules whose alert was raised and not cleared yet, and since when"),
});
export type NotifierState = z.infer<typeof NotifierState>;

/** Bucket `states`, key `dead-letters.<group>`: dead letters of one kind that came after the one people were told of. */
export const LettersState = z.object({
  group: Token,
  seen: z.array(z.int().nonnegative()).describe("as above"),
  window_from: Timestamp.nullable().describe(
    "when people were told last; null while they have to be told at once",
  ),
  counted: z.int().nonnegative().describe("dead letters since then"),
  last: z
    .object({ sequence: z.int().nonnegative(), message: z.string() })
    .nullable()
    .describe("newest of them"),
});
export type LettersState = z.infer<typeof LettersState>;

export function initialLetters(group: string): LettersState {
  return { group, seen: [], window_from: null, counted: 0, last: null };
}

export const lettersKey = (group: string) => `dead-letters.${group}`;

export function initialState(forecaster: string): NotifierState {
  return {
    forecaster,
    seen: [],
    first_seen_at: null,
    last_optimized_at: null,
    rejections: 0,
    searching: {},
    open: {},
  };
}

export const stateKey = (forecaster: string) => `notifier.${forecaster}`;
