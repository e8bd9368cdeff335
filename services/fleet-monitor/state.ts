import { z } from "zod";
import { FleetState } from "../../shared/contracts/fleet-monitor.ts";
import { Entity, Timestamp } from "../../shared/contracts/telemetry.ts";

/** One entity. Times in milliseconds of event time. */
export interface Member {
  firstSeenMs: number;
  lastSeenMs: number;
  /** In the vocabulary of the model: what the newest champion prediction about it said. */
  known: boolean;
  /** Time that prediction was issued; -Infinity while there was none. */
  predictedMs: number;
  readonly shard: number;
}

/** All that is known of one series. Changed in place by `decide.ts`: a million entities are not copied for each record. */
export interface Fleet {
  readonly series: string;
  readonly members: Map<string, Member>;
  /** Newest observation of the series: silence is measured against it, so a feed that stops silences nobody. */
  newestMs: number;
  /** Predictions by the hour they were issued in: all, and those about unknown entities. */
  readonly hours: Map<number, { all: number; unknown: number }>;
  lastSequence: number;
  /** Creation time of the stream that `lastSequence` counts in. */
  stream: string;
  /** Estimated bytes of each shard's entities. */
  readonly shardBytes: number[];
  readonly dirty: Set<number>;
}

export function newFleet(series: string, stream: string): Fleet {
  return {
    series,
    members: new Map(),
    newestMs: -Infinity,
    hours: new Map(),
    lastSequence: 0,
    stream,
    shardBytes: [0],
    dirty: new Set(),
  };
}

/** Above this a new entity opens a new shard: a KV value may have 1 MiB. */
export const SHARD_BYTES = 400_000;

/**
 * One key of bucket `fleet`. The contract's state, with what this service needs to go on after a restart.
 * Key `<series>` is shard 0; entities that do not fit are in `<series>.1`, `<series>.2`, … Shard 0 is saved
 * last, so its `last_sequence` says what all of them have seen at least.
 */
export const FleetShard = FleetState.extend({
  entities: z.record(
    Entity,
    z.object({
      first_seen: Timestamp,
      last_seen: Timestamp,
      known: z.boolean(),
      predicted_at: Timestamp.optional(),
    }),
  ),
  stream: z.string().default(""),
  newest: Timestamp.nullable().default(null),
  predictions: z.record(z.string(), z.object({ all: z.number(), unknown: z.number() })).default({}),
});
export type FleetShard = z.infer<typeof FleetShard>;

export function shardKey(series: string, shard: number): string {
  return shard === 0 ? series : `${series}.${shard}`;
}

/** Bytes an entity takes at most in its shard: its name in UTF-8 with escapes, three times, flags and commas. */
export function entityBytes(name: string): number {
  return name.length * 3 + 170;
}

const iso = (timeMs: number) => new Date(timeMs).toISOString();

/** The values of the shards asked for. */
export function toShards(fleet: Fleet, shards: ReadonlySet<number>): Map<number, FleetShard> {
  const { series, stream, lastSequence, newestMs } = fleet;
  const made = new Map<number, FleetShard>();
  for (const shard of shards) {
    const predictions =
      shard === 0 ? Object.fromEntries([...fleet.hours].map(([hour, counts]) => [String(hour), counts])) : {};
    made.set(shard, {
      series,
      stream,
      last_sequence: lastSequence,
      newest: Number.isFinite(newestMs) ? iso(newestMs) : null,
      predictions,
      entities: {},
    });
  }
  for (const [name, { firstSeenMs, lastSeenMs, known, predictedMs, shard }] of fleet.members) {
    const into = made.get(shard);
    if (into === undefined) continue;
    const predicted = Number.isFinite(predictedMs) ? { predicted_at: iso(predictedMs) } : {};
    into.entities[name] = { first_seen: iso(firstSeenMs), last_seen: iso(lastSeenMs), known, ...predicted };
  }
  return made;
}

/** A series from its shards, in any order. */
export function fromShards(shards: ReadonlyMap<number, FleetShard>): Fleet {
  const first = shards.get(0) ?? [...shards.values()][0]!;
  const fleet = newFleet(first.series, first.stream);
  fleet.lastSequence = shards.get(0)?.last_sequence ?? 0;
  for (const [shard, { entities, newest, predictions }] of shards) {
    while (fleet.shardBytes.length <= shard) fleet.shardBytes.push(0);
    if (newest !== null) fleet.newestMs = Math.max(fleet.newestMs, Date.parse(newest));
    for (const [hour, counts] of Object.entries(predictions)) fleet.hours.set(Number(hour), { ...counts });
    for (const [name, { first_seen, last_seen, known, predicted_at }] of Object.entries(entities)) {
      const predictedMs = predicted_at === undefined ? -Infinity : Date.parse(predicted_at);
      fleet.members.set(name, {
        firstSeenMs: Date.parse(first_seen),
        lastSeenMs: Date.parse(last_seen),
        known,
        predictedMs,
        shard,
      });
      fleet.shardBytes[shard]! += entityBytes(name);
    }
  }
  return fleet;
}
