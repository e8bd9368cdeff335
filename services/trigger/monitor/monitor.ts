import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { isAbout } from "../../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import type { EvaluatedStream } from "../../../shared/contracts/trigger.ts";
import { addHandled, handledUpTo, isHandled, lastHandled } from "../handled.ts";
import type { ErrorBucket, MonitorState } from "../state.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { Panel } from "./panel.ts";
import { Points } from "./points.ts";
import { withScore } from "./tallies.ts";

/** The records of one message of TELEMETRY, checked against their contract. */
export interface Batch<T> {
  readonly sequence: number;
  readonly records: readonly T[];
  /** ms; records of a later time are mistakes and left out, or one wild clock would end every window in the year 3000 */
  readonly latestMs: number;
}

/**
 * Takes scores in: what the spec's detectors measure of every step of the champion into buckets, its one-step errors
 * as points, those of a fleet by entity (see `Panel`). What is older than the windows is dropped. A message that was
 * taken in before changes nothing, and the order of messages changes no figure.
 */
export function foldScores(
  before: MonitorState,
  batches: readonly Batch<Score>[],
  spec: ForecasterSpec,
): MonitorState {
  const fresh = freshOf(before, "scores", batches);
  if (fresh.length === 0) return before;
  const layout = layoutOf(spec);
  const state = laidOut(before, layout);
  const buckets = state.buckets.slice();
  const errors = new Points(state.errors, layout.pointMs);
  const panel = new Panel(state.panel, layout);
  const isFleet = spec.entities === "all";
  let newest = state.newest_score;
  for (const { sequence, records, latestMs } of fresh) {
    for (const score of records) {
      const at = Date.parse(score.target_ts);
      if (score.variant === "challenger" || at > latestMs || !Number.isFinite(score.error ** 2)) continue;
      newest = Math.max(newest ?? at, at);
      addToBuckets(buckets, Math.floor(at / layout.bucketMs) * layout.bucketMs, score, sequence, layout);
      if (score.step !== 1) continue;
      const kept = isFleet ? panel.of(score.entity ?? "")?.errors : errors;
      kept?.add([at, score.error, sequence]);
    }
  }
  const taken = takenIn(state, "scores", fresh);
  if (newest === null) return taken;
  return {
    ...taken,
    buckets: keptBuckets(buckets, newest, state.deployed_at, layout),
    errors: errors.within(layout.pointSpanMs),
    panel: panel.kept(newest),
    newest_score: newest,
  };
}

/** Takes observations in: of the forecaster's metric, entity and bounds, and of what the spec watches besides. */
export function foldObservations(
  before: MonitorState,
  batches: readonly Batch<Observation>[],
  spec: ForecasterSpec,
): MonitorState {
  const fresh = freshOf(before, "observations", batches);
  if (fresh.length === 0) return before;
  const layout = layoutOf(spec);
  const state = laidOut(before, layout);
  const values = new Points(state.values, layout.pointMs);
  const panel = new Panel(state.panel, layout);
  const stepMs = durationMs(spec.step);
  const isFleet = spec.entities === "all";
  const watched = spec.trigger.also_watch.map((each) => {
    const name = watchedName(each);
    return { ...each, name, points: new Points(state.watched[name] ?? [], layout.watchedMs) };
  });
  let newest = state.newest_observation;
  let observed = state.observed;
  for (const { sequence, records, latestMs } of fresh) {
    for (const record of records) {
      const at = Date.parse(record.ts);
      if (at > latestMs) continue;
      for (const { metric, entity, points } of watched) {
        const value = record.entity === entity ? record.values[metric] : undefined;
        if (value !== undefined) points.add([at, value, sequence]);
      }
      const value = observedValue(record, spec);
      if (value === undefined) continue;
      // A fleet observes a step many times over; what counts towards a search is how many steps there are.
      if (!isFleet || newest === null || Math.floor(at / stepMs) > Math.floor(newest / stepMs)) observed += 1;
      newest = Math.max(newest ?? at, at);
      const kept = isFleet ? panel.of(record.entity ?? "")?.values : values;
      kept?.add([at, value, sequence]);
    }
  }
  return {
    ...takenIn(state, "observations", fresh),
    observed,
    values: values.within(layout.pointSpanMs),
    panel: newest === null ? state.panel : panel.kept(newest),
    watched: Object.fromEntries(watched.map(({ name, points }) => [name, points.within(layout.pointSpanMs)])),
    newest_observation: newest,
  };
}

/** Event time of the newest telemetry, null before any. */
export function newestMs({ newest_score, newest_observation }: MonitorState): number | null {
  if (newest_score === null || newest_observation === null) return newest_score ?? newest_observation;
  return Math.max(newest_score, newest_observation);
}

/** The messages of TELEMETRY that the kept figures come from, for receipts. */
export function streamRange(state: MonitorState): EvaluatedStream {
  const scores = lastHandled(state.scores);
  const observations = lastHandled(state.observations);
  const last_sequence = Math.max(scores, observations);
  let first_sequence = last_sequence;
  for (const { first } of state.buckets) first_sequence = Math.min(first_sequence, first);
  const ofPanel = Object.values(state.panel).flatMap(({ errors, values }) => [errors, values]);
  for (const points of [state.errors, state.values, ...Object.values(state.watched), ...ofPanel])
    for (const [, , sequence] of points) first_sequence = Math.min(first_sequence, sequence);
  const { born_at, late, relaid } = state;
  const isOver = relaid === null || first_sequence > Math.max(relaid.scores, relaid.observations);
  return {
    name: "TELEMETRY",
    first_sequence,
    last_sequence,
    scores,
    observations,
    born_at,
    late,
    relaid: isOver ? null : relaid,
  };
}

/** The value a forecaster looks at in an observation of its series, undefined where there is none; of a fleet anybody's. */
export function observedValue(
  { entity, values }: Observation,
  spec: Pick<ForecasterSpec, "metric" | "entity" | "entities" | "bounds">,
): number | undefined {
  if (!isAbout(spec, entity)) return undefined;
  const value = values[spec.metric];
  const { min = -Infinity, max = Infinity } = spec.bounds;
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

/** Under which the points of something in `also_watch` are kept and reported. */
export function watchedName({ metric, entity }: ForecasterSpec["trigger"]["also_watch"][number]): string {
  return entity === undefined ? metric : `${metric} of ${entity}`;
}

/** As `foldScores`, for who reads the stream in order and completely: any number of messages. */
export function readScores(
  state: MonitorState,
  batches: readonly Batch<Score>[],
  spec: ForecasterSpec,
): MonitorState {
  return inChunks(batches).reduce(
    (before, chunk) => readUpTo(foldScores(before, chunk, spec), "scores"),
    state,
  );
}

/** As `foldObservations`, for who reads the stream in order and completely: any number of messages. */
export function readObservations(
  state: MonitorState,
  batches: readonly Batch<Observation>[],
  spec: ForecasterSpec,
): MonitorState {
  const read = (before: MonitorState, chunk: readonly Batch<Observation>[]) =>
    readUpTo(foldObservations(before, chunk, spec), "observations");
  return inChunks(batches).reduce(read, state);
}

type Source = "scores" | "observations";

/** Few enough for the ranges of sequences that a state may hold. */
const CHUNK = 1_000;

function inChunks<T>(all: readonly T[]): (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / CHUNK) }, (_, i) =>
    all.slice(i * CHUNK, (i + 1) * CHUNK),
  );
}

function readUpTo(state: MonitorState, source: Source): MonitorState {
  return { ...state, [source]: handledUpTo(state[source], lastHandled(state[source])) };
}

function freshOf<T>(state: MonitorState, source: Source, batches: readonly Batch<T>[]): readonly Batch<T>[] {
  return batches.filter(({ sequence }) => !isHandled(state[source], sequence));
}

/** The state under the layout of the spec as it is now. Values of another source are not mixed with those before. */
function laidOut(state: MonitorState, { key, source }: Layout): MonitorState {
  if (state.layout === key && state.source === source) return state;
  const last = { scores: lastHandled(state.scores), observations: lastHandled(state.observations) };
  const isNew = last.scores === 0 && last.observations === 0;
  const moved = isNew || state.source === "" || state.source === source ? {} : NO_VALUES;
  return { ...state, ...moved, layout: key, source, relaid: isNew ? null : last };
}

const NO_VALUES = { values: [], watched: {}, panel: {}, observed: 0, newest_observation: null };

function takenIn(state: MonitorState, source: Source, fresh: readonly Batch<unknown>[]): MonitorState {
  const sequences = fresh.map(({ sequence }) => sequence);
  const late = sequences.filter((sequence) => sequence <= state.receipt[source]);
  return {
    ...state,
    [source]: addHandled(state[source], sequences),
    late: late.length === 0 ? state.late : { ...state.late, [source]: [...state.late[source], ...late] },
  };
}

/** @param buckets ascending by start; changed */
function addToBuckets(
  buckets: ErrorBucket[],
  start: number,
  score: Score,
  sequence: number,
  { tallies }: Layout,
): void {
  let at = buckets.length;
  while (at > 0 && buckets[at - 1]!.start > start) at -= 1;
  const there = buckets[at - 1]?.start === start ? buckets[at - 1] : undefined;
  const next = withScore(there, start, score, sequence, tallies);
  if (next === undefined || next === there) return;
  if (there === undefined) buckets.splice(at, 0, next);
  else buckets[at - 1] = next;
}

function keptBuckets(
  buckets: ErrorBucket[],
  newest: number,
  deployedAt: number | null,
  { bucketSpanMs, bucketMs, keepMs }: Layout,
): ErrorBucket[] {
  const from = newest - bucketSpanMs - bucketMs;
  if ((buckets[0]?.start ?? newest) > from) return buckets;
  const isFirstOfLive = (start: number) =>
    keepMs > 0 && deployedAt !== null && start > deployedAt - bucketMs && start <= deployedAt + keepMs;
  return buckets.filter(({ start }) => start > from || isFirstOfLive(start));
}
