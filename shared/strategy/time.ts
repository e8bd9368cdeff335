import { durationDays, durationMs } from "../contracts/duration.ts";
import type { ForecasterSpec } from "../contracts/spec.ts";

const YEAR_MS = 365.25 * 86_400_000;

/** Steps of the grid in a year. */
export function barsPerYear({ step, calendar }: Pick<ForecasterSpec, "step" | "calendar">): number {
  return (YEAR_MS / durationMs(step)) * (calendar === "weekdays" ? 5 / 7 : 1);
}

/** Days of prices that a strategy is tuned on: those traded, and before them what a model learns from. */
export function daysOfPrices({ search, strategy }: Pick<ForecasterSpec, "search" | "strategy">): number {
  return strategy === undefined ? 0 : durationDays(strategy.history) + durationDays(search.history);
}
