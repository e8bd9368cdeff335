import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { timeBefore } from "../../../shared/forecasting/bundle/trained-on.ts";

const DAY_MS = 86_400_000;

/** The season a spec names: `length` steps of `stepMs`, on its calendar. */
export interface Season {
  readonly length: number;
  readonly stepMs: number;
  readonly calendar: ForecasterSpec["calendar"];
}

/** Undefined where the seasonal naive forecast is the last value, or the season is looked for in each context anew. */
export function seasonOf({ season_length, step, calendar }: ForecasterSpec): Season | undefined {
  if (season_length === "auto" || season_length < 2) return undefined;
  return { length: season_length, stepMs: durationMs(step), calendar };
}

/** The longest that `length` steps can take. */
export function seasonMs({ length, stepMs, calendar }: Season): number {
  const span = length * stepMs;
  return calendar === "all" ? span : (Math.ceil(span / (5 * DAY_MS)) * 2 + 2) * DAY_MS + span;
}

/**
 * Time of the observation that the seasonal naive forecast repeats h steps ahead, with m steps a season:
 *
 *     target - k m steps, k = ceil(h / m): the newest one in the target's phase at or before the time of issue
 *
 * @returns milliseconds; undefined where that is after the time of issue: the prediction's step and times disagree
 *
 * Source: R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition (2021), 5.2.
 */
export function seasonalOriginMs(
  { issuedMs, targetMs, step }: { issuedMs: number; targetMs: number; step: number },
  season: Season,
): number | undefined {
  const origin = timeBefore(targetMs, Math.ceil(step / season.length) * season.length, season);
  return origin <= issuedMs ? origin : undefined;
}
