import { durationDays } from "../../../shared/contracts/duration.ts";
import { type ForecasterSpec, longestContext } from "../../../shared/contracts/spec.ts";
import { daysOfPrices } from "../../../shared/strategy/time.ts";

/** However little the specs need, observations are kept this long. (D-BUF-1) */
const LEAST_DAYS = 60;
/** A time may lie this far ahead of its arrival, and is needed for as much longer. */
const AHEAD_DAYS = 1;

/**
 * Days after its arrival for which some spec may still need an observation:
 *
 *     max over specs of max(search.history + search.backtest, longest context_length * step,
 *                       strategy.history + search.history) + 1, at least 60
 *
 * in whole days, rounded up; a step of a weekday calendar takes 7/5 of its length. Infinity without any spec:
 * specs that are not there yet must not cost what they will ask for. Disabled forecasters count, since they
 * can be enabled again.
 */
export function daysNeeded(specs: readonly ForecasterSpec[]): number {
  if (specs.length === 0) return Number.POSITIVE_INFINITY;
  return Math.max(LEAST_DAYS, ...specs.map((spec) => Math.ceil(daysFor(spec)) + AHEAD_DAYS));
}

function daysFor(spec: ForecasterSpec): number {
  const { search, step, calendar } = spec;
  const stepDays = durationDays(step) * (calendar === "weekdays" ? 7 / 5 : 1);
  const contextDays = longestContext(search.space) * stepDays;
  const searchDays = durationDays(search.history) + durationDays(search.backtest);
  return Math.max(searchDays, contextDays, daysOfPrices(spec));
}
