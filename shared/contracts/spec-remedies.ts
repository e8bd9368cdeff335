import { z } from "zod";
import { DETECTORS } from "./spec-detectors.ts";

/**
 * What a run does, cheapest first: another use of the same forecasts, new ensemble weights, the same configuration on
 * newer data, a search.
 */
export const ACTIONS = ["strategy", "reweigh", "refit", "search"] as const;
export const Action = z.enum(ACTIONS);
export type Action = z.infer<typeof Action>;

/** Those that try models. */
export const ModelAction = Action.exclude(["strategy"]);
export type ModelAction = z.infer<typeof ModelAction>;

/** Which remedy is tried first. A first deployment is always a search. */
export const RemedySpec = z.strictObject({
  triggered: Action.default("search").describe("for what detectors ask for, unless named below"),
  by_detector: z
    .partialRecord(z.enum(DETECTORS), Action)
    .default({})
    .describe("of several that fired, the most thorough remedy is taken"),
  scheduled: Action.default("search"),
  escalate: z
    .boolean()
    .default(true)
    .describe("a remedy that is not approved, or fails, is followed by the next more thorough one"),
});
export type RemedySpec = z.infer<typeof RemedySpec>;

/** The most thorough of some actions; undefined for none. */
export function mostThorough(actions: Iterable<Action | undefined>): Action | undefined {
  const asked = new Set(actions);
  return ACTIONS.findLast((action) => asked.has(action));
}

/** The next more thorough one; a search where another use of the forecasts did not help; undefined after a search. */
export function afterThat(action: Action): Action | undefined {
  return action === "strategy" ? "search" : ACTIONS[ACTIONS.indexOf(action) + 1];
}
