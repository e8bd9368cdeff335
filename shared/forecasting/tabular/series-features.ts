import { naiveScale } from "../../statistics/errors.ts";
import { type CalendarField, calendarValue } from "./calendar.ts";

/** Which features a row has. Part of a model: rows for serving are made by the plan of the training. */
export interface FeaturePlan {
  /** values before the last one, one step apart */
  readonly lags: number;
  /** changes from step to step, the newest first */
  readonly changes: number;
  /** steps, ascending: mean, deviation, minimum and maximum of each */
  readonly windows: readonly number[];
  /** steps; 1 for none */
  readonly seasonLength: number;
  readonly calendar: readonly CalendarField[];
}

/** Seasons that `season_mean` and `season_change` are means over. */
const SEASONS = 4;

/** The feature that every row has. */
export const STEP_AHEAD = "step_ahead";

/** Names of a row's features, in order. All but the step ahead and the calendar are (x − level) / scale. */
export function featureNames({ lags, changes, windows, seasonLength, calendar }: FeaturePlan): string[] {
  return [
    STEP_AHEAD,
    ...(seasonLength > 1 ? ["season_last", "season_mean", "season_change"] : []),
    ...calendar,
    ...Array.from({ length: lags }, (_, k) => `lag_${k + 1}`),
    ...Array.from({ length: changes }, (_, k) => `change_${k}`),
    ...windows.flatMap((window) => ["mean", "std", "min", "max"].map((of) => `${of}_${window}`)),
    ...gapWindows(seasonLength).map((window) => `season_gap_${window}`),
  ];
}

/** Steps of the past that a row can see. */
export function reachOf({ lags, changes, windows, seasonLength }: FeaturePlan): number {
  return Math.max(1 + lags, 1 + changes, ...windows, seasonLength > 1 ? (SEASONS + 1) * seasonLength : 1);
}

/** A cutoff: what is the same for every step ahead of it. */
export interface Cutoff {
  /** as far as the plan reaches, up to and with the cutoff */
  readonly past: Float32Array;
  /** the last value, unit of the series */
  readonly level: number;
  /** mean absolute change from step to step, unit of the series; above 0 */
  readonly scale: number;
  /** the features that do not depend on the step ahead */
  readonly features: Float32Array;
}

/**
 * Describes the past of a cutoff. It is given nothing later, so no feature can know it. Levels and scales of its own
 * make series of unlike sizes look alike to one model.
 *
 * A constant past has scale 1. Where the last step misses its value the level is the last observed one.
 *
 * @param past oldest first, NaN for missing; beyond `reachOf(plan)` it is looked at only where nothing nearer tells level
 *   or scale
 * @returns null where nothing is observed
 */
export function describeCutoff(past: Float32Array, plan: FeaturePlan): Cutoff | null {
  const seen = past.subarray(Math.max(0, past.length - reachOf(plan)));
  const level = lastObserved(past);
  if (level === undefined) return null;
  const scale = naiveScale(seen, 1) || naiveScale(past, 1) || 1;
  const features = [
    ...Array.from({ length: plan.lags }, (_, k) => (valueBack(seen, k + 1) - level) / scale),
    ...Array.from({ length: plan.changes }, (_, k) => (valueBack(seen, k) - valueBack(seen, k + 1)) / scale),
    ...plan.windows.flatMap((window) => summarise(seen, window, level, scale)),
    ...seasonGaps(seen, plan.seasonLength).map((gap) => gap / scale),
  ];
  return { past: seen, level, scale, features: Float32Array.from(features) };
}

/**
 * Writes the row of a step ahead.
 *
 * @param step     1 for the first step after the cutoff
 * @param targetMs time of that step, NaN where it is not known
 * @param row      [features]
 */
export function writeRow(
  cutoff: Cutoff,
  plan: FeaturePlan,
  step: number,
  targetMs: number,
  row: Float32Array,
): void {
  let at = 0;
  row[at++] = step;
  if (plan.seasonLength > 1) {
    const { level, scale } = cutoff;
    row[at++] = (samePhase(cutoff.past, plan.seasonLength, step, 0) - level) / scale;
    row[at++] = (seasonMean(cutoff.past, plan.seasonLength, step) - level) / scale;
    row[at++] = seasonChange(cutoff.past, plan.seasonLength, step) / scale;
  }
  for (const field of plan.calendar) row[at++] = calendarValue(field, targetMs);
  row.set(cutoff.features, at);
}

/** Mean of the observed ones among the last four values of a step's phase; NaN where there is none. */
export function seasonMean(past: Float32Array, seasonLength: number, step: number): number {
  return meanOverSeasons((season) => samePhase(past, seasonLength, step, season));
}

/**
 * Mean change from the cutoff's phase to the step's in the last four seasons, which holds season and trend alike; NaN
 * where it is not known of any.
 */
export function seasonChange(past: Float32Array, seasonLength: number, step: number): number {
  return meanOverSeasons((season) => {
    const to = samePhase(past, seasonLength, step, season);
    return to - valueBack(past, seasonLength * (Math.ceil(step / seasonLength) + season));
  });
}

function meanOverSeasons(valueIn: (season: number) => number): number {
  let sum = 0;
  let observed = 0;
  for (let season = 0; season < SEASONS; season += 1) {
    const value = valueIn(season);
    if (Number.isNaN(value)) continue;
    sum += value;
    observed += 1;
  }
  return observed > 0 ? sum / observed : Number.NaN;
}

/** The last value, a quarter of a season and a whole one; nothing without a season. */
function gapWindows(seasonLength: number): number[] {
  return seasonLength < 2 ? [] : [...new Set([1, Math.ceil(seasonLength / 4), seasonLength])];
}

/** How far the newest values are above the mean of their phases in the four seasons before, mean over each window. */
function seasonGaps(past: Float32Array, seasonLength: number): number[] {
  let sum = 0;
  let observed = 0;
  const means = Float64Array.from({ length: seasonLength }, (_, k) => {
    const before = meanOverSeasons((season) => valueBack(past, k + (season + 1) * seasonLength));
    const gap = valueBack(past, k) - before;
    if (!Number.isNaN(gap)) {
      sum += gap;
      observed += 1;
    }
    return observed > 0 ? sum / observed : Number.NaN;
  });
  return gapWindows(seasonLength).map((window) => means[window - 1]!);
}

/** The value of the phase of the `step`-th step ahead, `seasons` before the newest such value; NaN where unknown. */
function samePhase(past: Float32Array, seasonLength: number, step: number, seasons: number): number {
  return valueBack(past, seasonLength * (Math.ceil(step / seasonLength) + seasons) - step);
}

function valueBack(past: Float32Array, steps: number): number {
  return past[past.length - 1 - steps] ?? Number.NaN;
}

function lastObserved(values: Float32Array): number | undefined {
  for (let i = values.length - 1; i >= 0; i -= 1) if (!Number.isNaN(values[i]!)) return values[i]!;
  return undefined;
}

/** Mean, standard deviation, minimum and maximum of the last values, scaled; NaN where none is observed. */
function summarise(values: Float32Array, window: number, level: number, scale: number): number[] {
  let count = 0;
  let mean = 0;
  let squares = 0;
  let [low, high] = [Infinity, -Infinity];
  for (let i = Math.max(0, values.length - window); i < values.length; i += 1) {
    const value = values[i]!;
    if (Number.isNaN(value)) continue;
    count += 1;
    const away = value - mean;
    mean += away / count;
    squares += away * (value - mean);
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (count === 0) return [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
  return [
    (mean - level) / scale,
    Math.sqrt(squares / count) / scale,
    (low - level) / scale,
    (high - level) / scale,
  ];
}
