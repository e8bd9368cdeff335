import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorName } from "../../../shared/contracts/spec-detectors.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import { EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import { DETECTORS, isDue } from "../decide.ts";
import { type Batch, newestMs, readObservations, readScores } from "../monitor/monitor.ts";
import { arrivalsOf } from "../simulate/arrivals.ts";
import { initialMonitor } from "../state.ts";
import type { History, Moment } from "./history.ts";
import type { Source } from "./source.ts";

/** What a detector said at each evaluation. */
export interface Replayed {
  readonly atMs: readonly number[];
  /** NaN where it cannot tell. */
  readonly statistics: Float64Array;
}

/** Nothing is known but telemetry: no search that a detector would begin anew at, no incident. */
const INPUTS = EvaluationInputs.parse({});

/**
 * Lets the trigger's own fold and detector go over a history redrawn: place t of the grid holds what step `indexes[t]`
 * of the history held. Evaluations begin once the telemetry reaches as far back as the detector looks, and come as
 * often as `evaluate_every` lets them. Changes are summed up again, so that no seam between blocks is a jump.
 */
export function replay(
  detector: DetectorName,
  history: History,
  indexes: ArrayLike<number>,
  source: Source,
  spec: ForecasterSpec,
): Replayed {
  const free = withoutBounds(spec);
  const beginsMs = history.times[0]! + source.spanMs;
  const atMs: number[] = [];
  const statistics: number[] = [];
  let monitor = initialMonitor(spec.forecaster);
  for (const { observations, scores } of arrivalsOf(redrawn(history, indexes, source), free)) {
    monitor = readScores(readObservations(monitor, observations, free), scores, free);
    if (!isDue(monitor, free)) continue;
    const nowMs = newestMs(monitor)!;
    monitor = { ...monitor, evaluated_at: nowMs };
    if (nowMs < beginsMs) continue;
    const { statistic } = DETECTORS[detector]({ spec: free, monitor, nowMs, inputs: INPUTS }, []);
    atMs.push(nowMs);
    statistics.push(statistic ?? Number.NaN);
  }
  return { atMs, statistics: Float64Array.from(statistics) };
}

const unbound = new WeakMap<ForecasterSpec, ForecasterSpec>();

/** Bounds were minded when telemetry was read; changes that are summed up again may leave them. */
function withoutBounds(spec: ForecasterSpec): ForecasterSpec {
  const made = unbound.get(spec) ?? { ...spec, bounds: {} };
  unbound.set(spec, made);
  return made;
}

function* redrawn({ steps, times }: History, indexes: ArrayLike<number>, { of }: Source) {
  const levels = new Map<string, number>();
  let sequence = 0;
  for (let t = 0; t < indexes.length; t += 1)
    for (const moment of steps[indexes[t]!]!) {
      sequence += 1;
      const atMs = times[t]! + moment.offsetMs;
      const time = new Date(atMs).toISOString();
      const scores = moment.scores.map((score): Score => ({ ...score, target_ts: time }));
      const observations = observed(moment, time, of === "changes" ? levels : undefined);
      yield {
        atMs,
        ...(scores.length === 0 ? {} : { score: batch(sequence, atMs, scores) }),
        ...(observations.length === 0 ? {} : { observation: batch(sequence, atMs, observations) }),
      };
    }
}

/** @param levels sums of changes so far, by metric and entity; undefined where values are taken as they were */
function observed({ readings }: Moment, ts: string, levels: Map<string, number> | undefined): Observation[] {
  return readings.map(({ metric, entity, value, change }) => {
    const key = `${metric} ${entity ?? ""}`;
    const level = levels === undefined ? value : (levels.get(key) ?? 0) + change;
    levels?.set(key, level);
    return { ts, ...(entity === undefined ? {} : { entity }), values: { [metric]: level } };
  });
}

function batch<T>(sequence: number, latestMs: number, records: readonly T[]): Batch<T> {
  return { sequence, latestMs, records };
}
