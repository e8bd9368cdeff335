import { contains, type Interval } from "../../shared/contracts/incidents.ts";
import type { Observation, Prediction, Score } from "../../shared/contracts/telemetry.ts";
import { timeMs } from "../../shared/history/time.ts";
import { meanPinball, quantilesOf } from "./ledger/quantiles.ts";
import { entitiesOf, makeRoom, mayWait } from "./ledger/room.ts";
import { type Season, seasonalOriginMs } from "./ledger/seasonal-naive.ts";
import { type Ledger, type Line, PATIENCE_MS, type Pending } from "./state.ts";

const NO_SCORES: readonly Scored[] = [];
const NOTHING = { scored: NO_SCORES, duplicate: false };

/** Scores of one forecaster and variant for one observation: one message. */
export interface Scored {
  readonly forecaster: string;
  readonly scores: readonly Score[];
}

/**
 * Joins an observation to the predictions that waited for it: `observeValue` for each of its metrics.
 *
 * @returns scores to publish, none while the ledger is holding, and whether every value was known already
 */
export function observe(
  ledger: Ledger,
  series: string,
  { ts, entity, values }: Observation,
): { scored: readonly Scored[]; duplicate: boolean } {
  if (!ledger.watched.has(series)) return NOTHING;
  const at = timeMs(ts);
  let scored = NO_SCORES;
  let duplicate = true;
  for (const metric in values) {
    const found = observeValue(ledger, series, metric, entity, at, values[metric]!);
    if (found === undefined) continue;
    duplicate = false;
    if (found.length > 0) scored = scored.length === 0 ? found : [...scored, ...found];
  }
  return { scored, duplicate };
}

/**
 * Joins one observed value to the predictions that waited for it.
 *
 *     error = mean - actual        abs_pct_error = 100 |error / actual|, null where actual is 0
 *     naive_error = last value at or before issued_at - actual, where that value is known
 *     seasonal_naive_error = value whole seasons before target_ts - actual, as `seasonalOriginMs` says, where known
 *     pinball = mean over quantile levels of the pinball loss, where the prediction has quantiles
 *     in_incident where issued_at or target_ts lies in an incident that is known now
 *
 * A time observed again with the same value is a duplicate and changes nothing; with another value it is a
 * correction: it replaces the value for what is scored from now on, and scores given out stand. Observations
 * may come in any order; one too old to join anything is for the history only. A metric that nobody forecasts is
 * never a duplicate.
 *
 * @param atMs time of the observation in milliseconds
 * @returns scores to publish, none while the ledger is holding; undefined for a duplicate
 */
export function observeValue(
  ledger: Ledger,
  series: string,
  metric: string,
  entity: string | undefined,
  atMs: number,
  value: number,
): readonly Scored[] | undefined {
  if (ledger.watched.get(series)?.has(metric) !== true) return NO_SCORES;
  const line = lineOf(ledger, series, metric, entity ?? "");
  const keep = ledger.keptMs.get(series)!;
  if (line.times.length > 0 && atMs < line.times.at(-1)! - keep) return NO_SCORES;
  if (!insert(ledger, line, atMs, value)) return undefined;
  const isAwaited = !ledger.holding && line.pending.size > 0;
  const scored = isAwaited ? settle(ledger, line, atMs, value) : NO_SCORES;
  clear(ledger, line, keep);
  advance(ledger, series, atMs);
  makeRoom(ledger);
  return scored;
}

/**
 * Takes in a prediction. It is scored at once if its truth is known; predicted again before that (same
 * forecaster, variant, version, times and entity) the later one counts, after that it is ignored. It counts as
 * missing where it comes too late, or where as many predictions wait as may and its forecaster has its share.
 */
export function predict(ledger: Ledger, forecaster: string, prediction: Prediction): readonly Scored[] {
  const target = ledger.targets.get(forecaster);
  if (target === undefined) return NO_SCORES;
  const { entity, step, mean, lower, upper, model_version: modelVersion, variant } = prediction;
  const line = lineOf(ledger, target.series, target.metric, entity ?? target.entity ?? "");
  const issuedMs = timeMs(prediction.issued_at);
  const targetMs = timeMs(prediction.target_ts);
  const isLate = targetMs < ledger.progress.get(target.series)!.newestMs - PATIENCE_MS;
  if (isLate || targetMs <= line.forgottenMs || !mayWait(ledger, target)) {
    ledger.missing += 1;
    return NO_SCORES;
  }
  const waiting: Pending = {
    forecaster,
    issuedMs,
    targetMs,
    step,
    entity,
    mean,
    lower,
    upper,
    quantiles: quantilesOf(prediction.quantiles),
    modelVersion,
    variant,
  };
  const identity = identityOf(ledger, forecaster, prediction, issuedMs);
  if (line.scored.get(targetMs)?.has(identity)) return NO_SCORES;
  const same = getOrAdd(line.pending, targetMs, () => new Map<string, Pending>());
  if (!same.has(identity)) {
    ledger.pending += 1;
    target.waiting += 1;
  }
  same.set(identity, waiting);
  if (ledger.holding) return NO_SCORES;
  const place = find(line.times, targetMs);
  return line.times[place] === targetMs ? settle(ledger, line, targetMs, line.values[place]!) : NO_SCORES;
}

/** Takes in a score that was published: its prediction waits no more, whoever scored it. */
export function scoreSeen(ledger: Ledger, forecaster: string, score: Score): void {
  const target = ledger.targets.get(forecaster);
  if (target === undefined) return;
  const line = lineOf(ledger, target.series, target.metric, score.entity ?? target.entity ?? "");
  const targetMs = timeMs(score.target_ts);
  const identity = identityOf(ledger, forecaster, score, timeMs(score.issued_at));
  markScored(ledger, line, targetMs, identity);
  const same = line.pending.get(targetMs);
  if (same?.delete(identity)) {
    ledger.pending -= 1;
    target.waiting -= 1;
  }
  if (same?.size === 0) line.pending.delete(targetMs);
}

/** Ends the holding: scores for every prediction whose truth is known by now. */
export function release(ledger: Ledger): Scored[] {
  ledger.holding = false;
  const scored: Scored[] = [];
  for (const entities of entitiesOf(ledger)) {
    for (const line of entities.values()) {
      for (const targetMs of [...line.pending.keys()]) {
        const place = find(line.times, targetMs);
        if (line.times[place] === targetMs)
          scored.push(...settle(ledger, line, targetMs, line.values[place]!));
      }
    }
  }
  return scored;
}

function settle(ledger: Ledger, line: Line, targetMs: number, actual: number): readonly Scored[] {
  const waiting = line.pending.get(targetMs);
  if (waiting === undefined) return NO_SCORES;
  endWaiting(ledger, line, targetMs, waiting);
  for (const identity of waiting.keys()) markScored(ledger, line, targetMs, identity);
  const scorable = [...waiting.values()].filter(({ mean }) => Number.isFinite(mean - actual));
  ledger.missing += waiting.size - scorable.length;
  const groups = Map.groupBy(scorable, ({ forecaster, variant }) => `${forecaster} ${variant ?? ""}`);
  return [...groups.values()].map((group) => ({
    forecaster: group[0]!.forecaster,
    scores: group
      .toSorted((a, b) => a.issuedMs - b.issuedMs || (a.modelVersion < b.modelVersion ? -1 : 1))
      .map((each) => {
        const season = ledger.targets.get(each.forecaster)?.season;
        return scoreOf(line, each, actual, season, ledger.incidents.get(each.forecaster));
      }),
  }));
}

/** Takes all that wait for one target out of the ledger. */
function endWaiting(
  ledger: Ledger,
  line: Line,
  targetMs: number,
  waiting: ReadonlyMap<string, Pending>,
): void {
  line.pending.delete(targetMs);
  ledger.pending -= waiting.size;
  for (const { forecaster } of waiting.values()) ledger.targets.get(forecaster)!.waiting -= 1;
}

function scoreOf(
  line: Line,
  pending: Pending,
  actual: number,
  season: Season | undefined,
  incidents: readonly Interval[] = [],
): Score {
  const { issuedMs, targetMs, step, entity, mean, lower, upper, quantiles, modelVersion, variant } = pending;
  const error = mean - actual;
  const pinball = quantiles === undefined ? undefined : finite(meanPinball(quantiles, actual));
  const naive = baselineError(lastValue(line, issuedMs), actual);
  const seasonal = baselineError(seasonalValue(line, pending, season), actual);
  return {
    issued_at: new Date(issuedMs).toISOString(),
    target_ts: new Date(targetMs).toISOString(),
    step,
    ...(entity === undefined ? {} : { entity }),
    error,
    abs_pct_error: actual === 0 ? null : finite(Math.abs(error / actual) * 100),
    in_interval: lower <= actual && actual <= upper,
    model_version: modelVersion,
    ...(variant === undefined ? {} : { variant }),
    ...(naive === undefined ? {} : { naive_error: naive }),
    ...(seasonal === undefined ? {} : { seasonal_naive_error: seasonal }),
    mean,
    actual,
    ...(typeof pinball === "number" ? { pinball } : {}),
    ...(contains(incidents, issuedMs) || contains(incidents, targetMs) ? { in_incident: true } : {}),
  };
}

function lastValue({ times, values }: Line, issuedMs: number): number | undefined {
  const after = find(times, issuedMs);
  return times[after] === issuedMs ? values[after] : values[after - 1];
}

function seasonalValue({ times, values }: Line, pending: Pending, season?: Season): number | undefined {
  const originMs = season === undefined ? undefined : seasonalOriginMs(pending, season);
  if (originMs === undefined) return undefined;
  const place = find(times, originMs);
  return times[place] === originMs ? values[place] : undefined;
}

function baselineError(value: number | undefined, actual: number): number | undefined {
  return value !== undefined && Number.isFinite(value - actual) ? value - actual : undefined;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Of a prediction among those of one target. */
function identityOf(
  { codes }: Ledger,
  forecaster: string,
  { step, model_version, variant }: Pick<Prediction, "step" | "model_version" | "variant">,
  issuedMs: number,
): string {
  const made = `${forecaster}\0${variant ?? "champion"}\0${model_version}`;
  return `${getOrAdd(codes, made, () => codes.size)} ${issuedMs} ${step}`;
}

function lineOf({ lines }: Ledger, series: string, metric: string, entity: string): Line {
  const known = lines.get(series)?.get(metric)?.get(entity);
  if (known !== undefined) return known;
  const metrics = getOrAdd(lines, series, () => new Map<string, Map<string, Line>>());
  const entities = getOrAdd(metrics, metric, () => new Map<string, Line>());
  return getOrAdd(entities, entity, newLine);
}

function newLine(): Line {
  return {
    times: [],
    values: [],
    pending: new Map(),
    scored: new Map(),
    clearedAtMs: -Infinity,
    forgottenMs: -Infinity,
  };
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function markScored(ledger: Ledger, line: Line, targetMs: number, identity: string): void {
  if (targetMs <= line.forgottenMs) return;
  const done = getOrAdd(line.scored, targetMs, () => new Set());
  if (done.has(identity)) return;
  done.add(identity);
  ledger.scored += 1;
}

/** First place whose time is not before `at`. */
function find(times: readonly number[], at: number): number {
  let low = 0;
  let high = times.length;
  if (high === 0 || times[high - 1]! < at) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** False for a duplicate. */
function insert(ledger: Ledger, line: Line, at: number, value: number): boolean {
  const place = find(line.times, at);
  if (line.times[place] === at) {
    if (line.values[place] === value) return false;
    line.values[place] = value;
    return true;
  }
  ledger.points += 1;
  if (place === line.times.length) {
    line.times.push(at);
    line.values.push(value);
  } else {
    line.times.splice(place, 0, at);
    line.values.splice(place, 0, value);
  }
  return true;
}

function clear(ledger: Ledger, line: Line, keepMs: number): void {
  const newest = line.times.at(-1)!;
  if (newest < line.clearedAtMs + PATIENCE_MS / 8) return;
  line.clearedAtMs = newest;
  const old = find(line.times, newest - keepMs);
  line.times.splice(0, old);
  line.values.splice(0, old);
  ledger.points -= old;
}

/** Notes how far a series has come. What its entities wait for in vain goes, of those that are silent, too. */
function advance(ledger: Ledger, series: string, atMs: number): void {
  const progress = ledger.progress.get(series)!;
  if (atMs <= progress.newestMs) return;
  progress.newestMs = atMs;
  if (atMs < progress.sweptAtMs + PATIENCE_MS / 8) return;
  progress.sweptAtMs = atMs;
  for (const entities of ledger.lines.get(series)!.values())
    for (const line of entities.values()) sweep(ledger, line, atMs - PATIENCE_MS);
}

/** Lets go of what waits for, or was scored of, targets before `oldestMs`. */
function sweep(ledger: Ledger, line: Line, oldestMs: number): void {
  for (const [targetMs, waiting] of line.pending) {
    if (targetMs >= oldestMs) continue;
    endWaiting(ledger, line, targetMs, waiting);
    ledger.missing += waiting.size;
  }
  for (const [targetMs, { size }] of line.scored) {
    if (targetMs >= oldestMs) continue;
    line.scored.delete(targetMs);
    ledger.scored -= size;
  }
}
