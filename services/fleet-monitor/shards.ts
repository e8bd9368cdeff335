import { type FleetFigures, FleetState } from "../../shared/contracts/fleet-monitor.ts";
import { FleetLevel } from "./fleet-level.ts";
import { type Fleet, type FleetParams, newFleet, newSpacing } from "./state.ts";

export const FleetShard = FleetState;
export type FleetShard = FleetState;

type Row = FleetShard["members"][number];

/** Key `<series>` is shard 0; entities that do not fit are in `<series>.1`, `<series>.2`, … */
export function shardKey(series: string, shard: number): string {
  return shard === 0 ? series : `${series}.${shard}`;
}

export function parseShardKey(key: string): { series: string; shard: number } {
  const [series, shard = "0"] = key.split(".");
  return { series: series!, shard: Number(shard) };
}

/**
 * The values of the shards asked for, one at a time, so that a million entities are not written out at once; shard 0
 * last, so that its `last_sequence` says what all of them have seen at least. The fleet must not change meanwhile.
 */
export function* toShards(fleet: Fleet, shards: ReadonlySet<number>): Generator<[number, FleetShard]> {
  const { series, stream, lastSequence, roster } = fleet;
  const slots = new Map<number, number[]>([...shards].map((shard) => [shard, []]));
  for (const slot of roster.slots.values()) slots.get(roster.shard[slot]!)?.push(slot);
  for (const shard of [...shards].sort((a, b) => b - a)) {
    const members = slots.get(shard)!.map((slot) => toRow(fleet, slot));
    const figures = shard === 0 ? { figures: toFigures(fleet) } : {};
    yield [shard, { series, stream, last_sequence: lastSequence, members, ...figures }];
    slots.delete(shard);
  }
}

/**
 * A series from its shards, in any order. Where one is missing the rest is kept, but the stream has to be read from its
 * beginning: `lastSequence` is 0, and the windows of the unknown rate are empty. An entity found in two shards, as
 * two monitors may leave it, is taken from where it was seen last.
 */
export function fromShards(shards: ReadonlyMap<number, FleetShard>, params: FleetParams): Fleet {
  const any = [...shards.values()][0]!;
  const fleet = newFleet(any.series, any.stream, params);
  const first = shards.get(0);
  if (first?.figures !== undefined) {
    const { figures } = first;
    const isWhole = Array.from({ length: figures.shards }, (_, shard) => shards.has(shard)).every(Boolean);
    fleet.lastSequence = isWhole ? first.last_sequence : 0;
    fleet.stream = first.stream;
    readFigures(fleet, figures, params);
    if (isWhole) readPredictions(fleet, figures);
  }
  const { roster } = fleet;
  for (const [shard, { members, last_sequence, stream }] of shards) {
    roster.openShards(shard + 1);
    roster.shardSequence[shard] = stream === fleet.stream ? Math.max(fleet.lastSequence, last_sequence) : 0;
    for (const row of members) readRow(fleet, row, shard);
  }
  return fleet;
}

function toRow({ roster }: Fleet, slot: number): Row {
  const predictedMs = roster.predictedMs[slot]!;
  const print = roster.print(slot);
  return [
    roster.names[slot]!,
    roster.firstSeenMs[slot]!,
    roster.lastSeenMs[slot]!,
    roster.known[slot] === 1 ? 1 : 0,
    Number.isFinite(predictedMs) ? predictedMs : null,
    roster.gapMs[slot]!,
    roster.observations[slot]!,
    Buffer.from(print.buffer, print.byteOffset, print.byteLength).toString("base64"),
  ];
}

function readRow({ roster }: Fleet, row: Row, shard: number): void {
  const [name, firstSeenMs, lastSeenMs, known, predicted, gapMs, observations, print] = row;
  const twin = roster.slots.get(name);
  if (twin !== undefined) {
    if (roster.lastSeenMs[twin]! >= lastSeenMs) return;
    roster.remove(twin);
  }
  const predictedMs = predicted ?? Number.NEGATIVE_INFINITY;
  const joining = { firstSeenMs, lastSeenMs, known: known === 1, predictedMs, gapMs, observations };
  const into = roster.print(roster.put(name, joining, shard));
  const bytes = Buffer.from(print, "base64");
  if (bytes.length === into.byteLength)
    bytes.copy(Buffer.from(into.buffer, into.byteOffset, into.byteLength));
}

const iso = (timeMs: number) => new Date(timeMs).toISOString();
const isoOrNull = (timeMs: number) => (Number.isFinite(timeMs) ? iso(timeMs) : null);
const msOr = (time: string | null) => (time === null ? Number.NEGATIVE_INFINITY : Date.parse(time));

function toFigures(fleet: Fleet): FleetFigures {
  const { feedOutage, fleetOutage } = fleet;
  return {
    shards: fleet.roster.shardBytes.length,
    newest: isoOrNull(fleet.newestMs),
    checked: isoOrNull(fleet.checkedMs),
    heard: isoOrNull(fleet.heardMs),
    gaps_ms: [...fleet.spacing.gapsMs],
    dense_ms: fleet.spacing.denseMs,
    outages: fleet.outages.map(({ fromMs, toMs, reason }) => ({
      since: iso(fromMs),
      until: iso(toMs),
      reason,
    })),
    feed_outage: feedOutage === null ? null : { since: iso(feedOutage.sinceMs), reason: feedOutage.reason },
    fleet_outage:
      fleetOutage === null
        ? null
        : {
            since: iso(fleetOutage.sinceMs),
            from: iso(fleetOutage.fromMs),
            until: iso(fleetOutage.untilMs),
            before: fleetOutage.before,
          },
    believed: isoOrNull(fleet.believedMs),
    metrics: [...fleet.metrics],
    level: fleet.level.save(),
    renames: [...fleet.renames].map(([to, { from, score }]) => ({ from, to, score })),
    predictions: [...fleet.byTime.slices].map(([start, { all, unknown }]) => [start, all, unknown]),
    last_predictions: fleet.byCount.save(),
    models: Object.fromEntries(
      [...fleet.models].map(([forecaster, { version, sinceMs, lastMs }]) => [
        forecaster,
        { version, since: iso(sinceMs), last: iso(lastMs) },
      ]),
    ),
  };
}

function readFigures(fleet: Fleet, figures: FleetFigures, params: FleetParams): void {
  fleet.newestMs = msOr(figures.newest);
  fleet.checkedMs = msOr(figures.checked);
  fleet.heardMs = msOr(figures.heard);
  fleet.spacing = newSpacing(params, figures.gaps_ms, figures.dense_ms);
  for (const { since, until, reason } of figures.outages)
    fleet.outages.push({ fromMs: Date.parse(since), toMs: Date.parse(until), reason });
  const { feed_outage: feed, fleet_outage: whole } = figures;
  if (feed !== null) fleet.feedOutage = { sinceMs: Date.parse(feed.since), reason: feed.reason };
  if (whole !== null)
    fleet.fleetOutage = {
      sinceMs: Date.parse(whole.since),
      fromMs: Date.parse(whole.from),
      untilMs: Date.parse(whole.until),
      before: whole.before,
    };
  fleet.believedMs = msOr(figures.believed);
  fleet.metrics.push(...figures.metrics);
  fleet.level = new FleetLevel(figures.level);
  for (const { from, to, score } of figures.renames) fleet.renames.set(to, { from, score });
  for (const [forecaster, { version, since, last }] of Object.entries(figures.models))
    fleet.models.set(forecaster, { version, sinceMs: Date.parse(since), lastMs: Date.parse(last) });
}

function readPredictions({ byTime, byCount }: Fleet, figures: FleetFigures): void {
  for (const [start, all, unknown] of figures.predictions) byTime.add(start, { all, unknown });
  byCount.load(figures.last_predictions);
}
