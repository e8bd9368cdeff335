import { contains, type Interval } from "../../../shared/contracts/incidents.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import { observedValue, watchedName } from "../monitor/monitor.ts";
import type { Recording } from "../simulate/recording.ts";

/** What was recorded of one forecaster, without what is to be left out. */
export interface Telemetry {
  readonly scores: readonly Score[];
  readonly observations: readonly Observation[];
}

/** Times to leave out: errors of incidents and of configs that were rolled back, values of incidents of the series. */
export interface LeftOutTimes {
  readonly errors: readonly Interval[];
  readonly values: readonly Interval[];
}

/** One value of a metric and an entity, and by how much it differs from the one before. */
export interface Reading {
  readonly entity: string | undefined;
  readonly metric: string;
  readonly value: number;
  readonly change: number;
}

/** Telemetry of the range. The champion's scores alone, and no record that the trigger would take for a mistake. */
export function telemetryOf(
  { scores, observations }: Pick<Recording, "scores" | "observations">,
  range: Interval,
  leftOut: LeftOutTimes,
): Telemetry {
  const isKept = (atMs: number, latestMs: number, out: readonly Interval[]) =>
    atMs <= latestMs && contains([range], atMs) && !contains(out, atMs);
  return {
    scores: scores.flatMap(({ records, latestMs }) =>
      records.filter(
        ({ target_ts, variant, error, in_incident }) =>
          variant !== "challenger" &&
          in_incident !== true &&
          Number.isFinite(error ** 2) &&
          isKept(Date.parse(target_ts), latestMs, leftOut.errors),
      ),
    ),
    observations: observations.flatMap(({ records, latestMs }) =>
      records.filter(({ ts }) => isKept(Date.parse(ts), latestMs, leftOut.values)),
    ),
  };
}

/** The values that the spec's detectors look at, by time in ms, ascending; of several of a metric at a time the last. */
export function readingsOf(
  observations: readonly Observation[],
  spec: ForecasterSpec,
): Map<number, readonly Reading[]> {
  const byTime = new Map<string, Observation>();
  for (const record of observations) {
    const key = `${record.ts} ${record.entity ?? ""}`;
    const known = byTime.get(key);
    byTime.set(key, known ? { ...record, values: { ...known.values, ...record.values } } : record);
  }
  const before = new Map<string, number>();
  const readings = new Map<number, Reading[]>();
  const inOrder = [...byTime.values()]
    .map((record) => [Date.parse(record.ts), record] as const)
    .sort(([a], [b]) => a - b);
  for (const [at, record] of inOrder) {
    for (const [name, { metric, entity }, value] of seen(record, spec)) {
      const reading = { metric, entity, value, change: value - (before.get(name) ?? value) };
      before.set(name, value);
      const known = readings.get(at);
      if (known === undefined) readings.set(at, [reading]);
      else known.push(reading);
    }
  }
  return readings;
}

type Watched = Pick<Reading, "metric" | "entity">;

/** What a record holds of the forecaster's own metric and of all that the spec watches besides, by name. */
function seen(record: Observation, spec: ForecasterSpec): [string, Watched, number][] {
  const own: Watched = { metric: spec.metric, entity: spec.entity };
  const values = new Map<string, [Watched, number | undefined]>();
  for (const { metric, entity } of spec.trigger.also_watch)
    if (record.entity === entity)
      values.set(watchedName({ metric, entity }), [{ metric, entity }, record.values[metric]]);
  values.set(watchedName({ metric: own.metric, entity: own.entity }), [own, observedValue(record, spec)]);
  return [...values].flatMap(([name, [of, value]]) =>
    value === undefined ? [] : [[name, of, value] as [string, Watched, number]],
  );
}
