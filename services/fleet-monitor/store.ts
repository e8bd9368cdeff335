import type { KvBucket } from "../../shared/bus/kv.ts";
import { StaleStateError } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import { type Fleet, type FleetShard, fromShards, shardKey, toShards } from "./state.ts";

/** The bucket `fleet` as this service keeps it. A projection: whatever it lacks is read from the stream again. */
export class FleetStore {
  private readonly bucket: KvBucket<FleetShard>;
  private readonly log: Log;
  private readonly revisions = new Map<string, number>();

  constructor(bucket: KvBucket<FleetShard>, log: Log) {
    this.bucket = bucket;
    this.log = log;
  }

  async load(): Promise<Map<string, Fleet>> {
    const series = new Map<string, Map<number, FleetShard>>();
    for (const { key, value, revision } of await this.bucket.entries()) {
      this.revisions.set(key, revision);
      const [name, shard = "0"] = key.split(".");
      const shards = series.get(name!) ?? new Map<number, FleetShard>();
      series.set(name!, shards.set(Number(shard), value));
    }
    return new Map([...series].map(([name, shards]) => [name, fromShards(shards)]));
  }

  /**
   * Saves what changed, shard 0 last. Of two monitors that see the same stream the one that is further wins;
   * the other takes its revision over and saves again when it has passed it.
   */
  async save(fleet: Fleet): Promise<void> {
    const dirty = new Set(fleet.dirty).add(0);
    fleet.dirty.clear();
    const shards = [...toShards(fleet, dirty)].toSorted(([a], [b]) => b - a);
    const left = new Set(dirty);
    try {
      for (const [shard, value] of shards) {
        await this.write(shardKey(fleet.series, shard), value);
        left.delete(shard);
      }
    } catch (error) {
      for (const shard of left) fleet.dirty.add(shard);
      throw error;
    }
  }

  private async write(key: string, value: FleetShard): Promise<void> {
    for (;;) {
      try {
        this.revisions.set(key, await this.bucket.update(key, value, this.revisions.get(key) ?? 0));
        return;
      } catch (error) {
        if (!(error instanceof StaleStateError)) throw error;
        const other = await this.bucket.get(key);
        this.revisions.set(key, other?.revision ?? 0);
        if (
          other !== undefined &&
          other.value.stream === value.stream &&
          other.value.last_sequence >= value.last_sequence
        ) {
          this.log.debug({ key, other: other.value.last_sequence }, "another monitor is further");
          return;
        }
      }
    }
  }
}
