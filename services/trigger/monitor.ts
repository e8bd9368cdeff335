import { durationMs } from "../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../shared/contracts/telemetry.ts";
import { addHandled, isHandled, lastHandled } from "./handled.ts";
import type { ErrorBucket, MonitorState, Point } from "./state.ts";

const DAY_MS = 86_400_000;
/** Bounds of what is kept for one forecaster, whatever the rate of its telemetry. */
const MAX_BUCKETS = 2_000;
const MAX_POINTS = 1_000;

/** The records of one message of TELEMETRY, checked against their contract. */
export interface Batch<T> {
  readonly sequence: number;
  readonly records: readonly T[];
  /** ms; records of a later time are mistakes and left out, or one wild clock would end every window in the year 3000 */
  readonly latestMs: number;
}

/**
 * Width of the buckets squared errors are summed in: a fourteenth of the recent window, a day at most (14 days make
 * daily ones), wide enough that the baseline takes 2,000 at most.
 */
export function bucketMs({ trigger: { performance } }: ForecasterSpec): number {
  const width = Math.max(durationMs(performance.recent) / 14, durationMs(performance.baseline) / MAX_BUCKETS);
  return Math.max(1, Math.min(DAY_MS, width));
}

/**
 * Takes scores in: squared errors of every step of the champion into buckets, its one-step errors as points. What is
 * older than the windows is dropped. A message that was taken in before changes nothing.
 */
export function foldScores(
  state: MonitorState,
  batches: readonly Batch<Score>[],
  spec: ForecasterSpec,
): MonitorState {
  const fresh = batches.filter(({ sequence }) => !isHandled(state.scores, sequence));
  if (fresh.length === 0) return state;
  const width = bucketMs(spec);
  const buckets = new Map(state.buckets.map((bucket) => [bucket.start, bucket]));
  const errors = [...state.errors];
  let newest = state.newest_score;
  for (const { sequence, records, latestMs } of fresh) {
    for (const { target_ts, error, step, variant } of records) {
      const at = Date.parse(target_ts);
      const square = error ** 2;
      if (variant === "challenger" || at > latestMs || !Number.isFinite(square)) continue;
      newest = Math.max(newest ?? at, at);
      addToBucket(buckets, Math.floor(at / width) * width, square, sequence);
      if (step === 1) insert(errors, [at, error, sequence], spacingMs(spec));
    }
  }
  const scores = addHandled(
    state.scores,
    fresh.map(({ sequence }) => sequence),
  );
  if (newest === null) return { ...state, scores };
  const from = newest - durationMs(spec.trigger.performance.baseline) - width;
  const kept = [...buckets.values()].filter(({ start }) => start > from).sort((a, b) => a.start - b.start);
  return { ...state, scores, buckets: kept, errors: recent(errors, spec), newest_score: newest };
}

/** Takes observations of the forecaster's metric, entity and bounds in. See `foldScores`. */
export function foldObservations(
  state: MonitorState,
  batches: readonly Batch<Observation>[],
  spec: ForecasterSpec,
): MonitorState {
  const fresh = batches.filter(({ sequence }) => !isHandled(state.observations, sequence));
  if (fresh.length === 0) return state;
  const values = [...state.values];
  let newest = state.newest_observation;
  let observed = state.observed;
  for (const { sequence, records, latestMs } of fresh) {
    for (const record of records) {
      const at = Date.parse(record.ts);
      const value = observedValue(record, spec);
      if (value === undefined || at > latestMs) continue;
      observed += 1;
      newest = Math.max(newest ?? at, at);
      insert(values, [at, value, sequence], spacingMs(spec));
    }
  }
  const observations = addHandled(
    state.observations,
    fresh.map(({ sequence }) => sequence),
  );
  return { ...state, observations, observed, values: recent(values, spec), newest_observation: newest };
}

/** Event time of the newest telemetry, null before any. */
export function newestMs({ newest_score, newest_observation }: MonitorState): number | null {
  if (newest_score === null || newest_observation === null) return newest_score ?? newest_observation;
  return Math.max(newest_score, newest_observation);
}

/** The stretch of TELEMETRY that the kept figures come from, for receipts. */
export function streamRange(state: MonitorState): { first_sequence: number; last_sequence: number } {
  const firsts = [
    ...state.buckets.map(({ first }) => first),
    ...[...state.errors, ...state.values].map(([, , sequence]) => sequence),
  ];
  const last = Math.max(lastHandled(state.scores), lastHandled(state.observations));
  return {
    first_sequence: firsts.reduce((least, each) => Math.min(least, each), last),
    last_sequence: last,
  };
}

/** The value a forecaster looks at in an observation of its series, undefined where there is none. */
function observedValue({ entity, values }: Observation, spec: ForecasterSpec): number | undefined {
  if (entity !== spec.entity) return undefined;
  const value = values[spec.metric];
  const { min = -Infinity, max = Infinity } = spec.bounds;
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

function addToBucket(
  buckets: Map<number, ErrorBucket>,
  start: number,
  square: number,
  sequence: number,
): void {
  const { n, sse, first } = buckets.get(start) ?? { n: 0, sse: 0, first: sequence };
  // A sum that overflows would come back from JSON as null and make the state unreadable.
  if (!Number.isFinite(sse + square)) return;
  buckets.set(start, { start, n: n + 1, sse: sse + square, first: Math.min(first, sequence) });
}

/** Points closer than this are thinned, so that both drift windows together never exceed 1,000. */
function spacingMs(spec: ForecasterSpec): number {
  return pointSpanMs(spec) / MAX_POINTS;
}

function pointSpanMs({ trigger: { drift } }: ForecasterSpec): number {
  return durationMs(drift.recent) + durationMs(drift.reference);
}

/** Inserts in order of time. A point of the same time replaces what was there; one too close to another is left out. */
function insert(points: Point[], point: Point, spacing: number): void {
  let at = points.length;
  while (at > 0 && points[at - 1]![0] > point[0]) at -= 1;
  if (at > 0 && points[at - 1]![0] === point[0]) {
    points[at - 1] = point;
    return;
  }
  const before = points[at - 1];
  const after = points[at];
  if (before !== undefined && point[0] - before[0] < spacing) return;
  if (after !== undefined && after[0] - point[0] < spacing) return;
  points.splice(at, 0, point);
}

function recent(points: readonly Point[], spec: ForecasterSpec): Point[] {
  const newest = points.at(-1)?.[0] ?? 0;
  return points.filter(([at]) => at > newest - pointSpanMs(spec)).slice(-2 * MAX_POINTS);
}
