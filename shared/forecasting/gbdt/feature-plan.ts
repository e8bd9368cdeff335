import type { TrainingSeries } from "../family.ts";
import type { StepGrid } from "../quantile-forecast.ts";
import { detectSeasonLength } from "../seasonality.ts";
import { calendarFields } from "../tabular/calendar.ts";
import type { FeaturePlan } from "../tabular/series-features.ts";

/** Steps of the windows of a series without a season. */
const PLAIN_WINDOWS = [5, 20, 60];
const CHANGES = 3;
/** Series that a season is looked for in. */
const ASKED = 9;

/**
 * Which features fit the series: windows of half a season, one and four, or of 5, 20 and 60 steps; nothing longer than
 * a context, or than half of the longest series.
 *
 * @param lags at most, values before the last one
 */
export function planFeatures(
  series: readonly TrainingSeries[],
  grid: StepGrid,
  seasonLength: number | "auto",
  lags: number,
  contextLength: number,
): FeaturePlan {
  const longest = Math.max(...series.map(({ values }) => values.length));
  const reach = Math.max(2, Math.min(contextLength, Math.floor(longest / 2)));
  const season = seasonLength === "auto" ? commonSeason(series) : seasonLength;
  const seen = season > reach ? 1 : season;
  const windows = seen > 1 ? [Math.ceil(seen / 2), seen, 4 * seen] : PLAIN_WINDOWS;
  const fitting = windows.filter((window) => window > 2 && window <= reach);
  return {
    lags: Math.min(lags, reach - 1),
    changes: Math.min(CHANGES, reach - 1),
    windows: fitting.length > 0 ? fitting : [reach],
    seasonLength: seen,
    calendar: calendarFields(grid, longest * grid.stepMs),
  };
}

/** What most of the longest series repeat by; the shorter one of as common ones. */
function commonSeason(series: readonly TrainingSeries[]): number {
  const asked = [...series].sort((a, b) => b.values.length - a.values.length).slice(0, ASKED);
  const votes = new Map<number, number>();
  for (const { values } of asked) {
    const season = detectSeasonLength(values);
    votes.set(season, (votes.get(season) ?? 0) + 1);
  }
  const [winner] = [...votes].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return winner![0];
}
