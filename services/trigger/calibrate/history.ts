import { durationMs } from "../../../shared/contracts/duration.ts";
import { addSteps, type ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Score } from "../../../shared/contracts/telemetry.ts";
import { detectSeasonLength } from "../../../shared/forecasting/seasonality.ts";
import { autocorrelationTime } from "../../../shared/statistics/autocorrelation.ts";
import { median } from "../../../shared/statistics/sample.ts";
import { learnSeasonalProfile, withoutSeason } from "../../../shared/statistics/seasonal-profile.ts";
import { calendarMs } from "../monitor/calendar.ts";
import { pooled, withScore } from "../monitor/tallies.ts";
import type { ErrorBucket } from "../state.ts";
import type { Source } from "./source.ts";
import { type Reading, readingsOf, type Telemetry } from "./telemetry.ts";

/** What arrived at one time, counted from the beginning of its step. */
export interface Moment {
  readonly offsetMs: number;
  readonly scores: readonly Score[];
  readonly readings: readonly Reading[];
}

/** Recorded telemetry on the grid of the spec's steps, ready to be redrawn. */
export interface History {
  /** By step, ascending in time; none where nothing was recorded: a short gap is drawn along. */
  readonly steps: readonly (readonly Moment[])[];
  /** Beginning of each step on a grid without gaps, ms. */
  readonly times: readonly number[];
  /** One value a step, of what the detector looks at: settles the length of blocks. */
  readonly series: Float64Array;
  /** Length of the season in steps, 1 for none. */
  readonly period: number;
  /** First and last time that something was recorded, ms. */
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Lays telemetry on the grid of steps. Gaps of a season or longer are closed by whole seasons, so that what follows
 * keeps its phase; shorter ones stay. On a weekday calendar what was recorded on Saturdays and Sundays is left out.
 *
 * @returns undefined where nothing of what the detector looks at was recorded
 */
export function layOut(telemetry: Telemetry, source: Source, spec: ForecasterSpec): History | undefined {
  const moments = momentsOf(telemetry, source, spec);
  const byStep = Map.groupBy(moments, ({ place }) => place);
  const figures = new Map(
    [...byStep].flatMap(([place, each]): [number, number][] => {
      const figure = figureOf(each, source, spec);
      return figure === undefined ? [] : [[place, figure]];
    }),
  );
  const [first] = figures.keys();
  if (first === undefined) return undefined;
  const period = periodOf([...figures.values()], spec);
  const places = withoutLongGaps([...figures.keys()], period);
  const times: number[] = [];
  const { atMs, offsetMs } = byStep.get(first)![0]!;
  for (let at = atMs - offsetMs; times.length < places.length; at = addSteps(at, 1, spec)) times.push(at);
  return {
    steps: places.map((place) => byStep.get(place) ?? []),
    times,
    series: slower(filled(places, figures), period),
    period,
    fromMs: atMs,
    toMs: moments.at(-1)!.atMs,
  };
}

type Placed = Moment & { readonly atMs: number; readonly place: number };

/** Everything a detector of this source takes in, ascending in time. */
function momentsOf({ scores, observations }: Telemetry, { of }: Source, spec: ForecasterSpec): Placed[] {
  const ofValues = of === "values" || of === "changes";
  const wanted = of === "scores" ? scores : scores.filter(({ step }) => step === 1);
  const byTime = Map.groupBy(ofValues ? [] : wanted, ({ target_ts }) => Date.parse(target_ts));
  const needsReadings = ofValues || (of === "scores" && spec.trigger.performance.metric === "mase");
  const readings = needsReadings ? readingsOf(observations, spec) : new Map<number, readonly Reading[]>();
  const stepMs = durationMs(spec.step);
  return [...new Set([...byTime.keys(), ...readings.keys()])]
    .sort((a, b) => a - b)
    .filter((atMs) => isOnCalendar(atMs, spec))
    .map((atMs) => {
      const since = calendarMs(atMs, spec);
      const place = Math.floor(since / stepMs);
      const found = { scores: byTime.get(atMs) ?? [], readings: readings.get(atMs) ?? [] };
      return { atMs, place, offsetMs: since - place * stepMs, ...found };
    });
}

/** One number for a step: its mean loss, error, size of error, value or change; undefined for a gap. */
function figureOf(moments: readonly Moment[], { of }: Source, spec: ForecasterSpec): number | undefined {
  const scores = moments.flatMap((each) => each.scores);
  if (of === "scores") return lossOf(scores, spec);
  if (of === "errors") return mean(scores.map(({ error }) => error));
  if (of === "absolute_errors") return mean(scores.map(({ error }) => Math.abs(error)));
  const own = moments
    .flatMap(({ readings }) => readings)
    .filter(({ metric, entity }) => metric === spec.metric && entity === spec.entity);
  return mean(own.map(({ value, change }) => (of === "values" ? value : change)));
}

function lossOf(scores: readonly Score[], { trigger }: ForecasterSpec): number | undefined {
  const { metric } = trigger.performance;
  const tallied = metric === "mase" ? "mae" : metric;
  let bucket: ErrorBucket | undefined;
  for (const score of scores) bucket = withScore(bucket, 0, score, 0, tallied === "rmse" ? [] : [tallied]);
  const { n, total } = pooled(bucket === undefined ? [] : [bucket], metric);
  return n === 0 ? undefined : total / n;
}

function periodOf(values: readonly number[], { season_length }: ForecasterSpec): number {
  return season_length === "auto" ? detectSeasonLength(values) : season_length;
}

/** Every place from the first to the last, without the whole seasons that a gap holds. */
function withoutLongGaps(recorded: readonly number[], period: number): number[] {
  return recorded.flatMap((place, i) => {
    const missing = i === 0 ? 0 : (place - recorded[i - 1]! - 1) % period;
    return Array.from({ length: missing + 1 }, (_, k) => place - missing + k);
  });
}

/** A gap takes the figure before it. */
function filled(places: readonly number[], figures: ReadonlyMap<number, number>): Float64Array {
  let last = 0;
  return Float64Array.from(places, (place) => {
    last = figures.get(place) ?? last;
    return last;
  });
}

/**
 * The series, or how far it is from its median where that remembers longer: spells of large and small errors must not
 * be cut, either.
 */
function slower(series: Float64Array, period: number): Float64Array {
  const steps = Float64Array.from(series, (_, t) => t);
  const profile = learnSeasonalProfile(steps, series, { periodMs: period, phases: period });
  const plain = profile === null ? series : withoutSeason(steps, series, profile);
  const centre = median(plain);
  const sizes = plain.map((value) => Math.abs(value - centre));
  return autocorrelationTime(sizes) > autocorrelationTime(plain) ? sizes : series;
}

function isOnCalendar(atMs: number, { calendar }: ForecasterSpec): boolean {
  const day = new Date(atMs).getUTCDay();
  return calendar === "all" || (day !== 0 && day !== 6);
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, each) => sum + each, 0) / values.length;
}
