import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { detectSeasonLength } from "../../../shared/forecasting/seasonality.ts";
import type { Season } from "../../../shared/statistics/seasonal-profile.ts";

const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday. */
const DAYS_SINCE_MONDAY = 3;

/**
 * Time as the spec's calendar counts it, ms: on a weekday calendar Monday follows Friday at once, so that a season of
 * 5 steps is a week. Saturdays and Sundays, which are no steps, count as the Friday before.
 */
export function calendarMs(atMs: number, { calendar }: Pick<ForecasterSpec, "calendar">): number {
  if (calendar === "all") return atMs;
  const day = Math.floor(atMs / DAY_MS) + DAYS_SINCE_MONDAY;
  const weekday = Math.min(4, ((day % 7) + 7) % 7);
  return (5 * Math.floor(day / 7) + weekday) * DAY_MS + (atMs - Math.floor(atMs / DAY_MS) * DAY_MS);
}

/**
 * The season of values as the spec has it, in calendar time; undefined where there is none.
 *
 * `season_length: auto` is looked for in the values. Where points were thinned to every k-th step the season has as
 * many phases less.
 *
 * @param values   oldest first, a point every `spacingMs`
 * @param spacingMs see `layoutOf`
 */
export function seasonOf(
  values: readonly number[],
  spacingMs: number,
  spec: Pick<ForecasterSpec, "season_length" | "step">,
): Season | undefined {
  const stepMs = durationMs(spec.step);
  const thinned = Math.max(1, Math.round(spacingMs / stepMs));
  const { season_length } = spec;
  const steps = season_length === "auto" ? thinned * detectSeasonLength(values) : season_length;
  if (steps < 2) return undefined;
  const phases = steps % thinned === 0 ? steps / thinned : steps;
  return phases < 2 ? undefined : { periodMs: steps * stepMs, phases };
}
