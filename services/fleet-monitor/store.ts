import type { KvBucket } from "../../shared/bus/kv.ts";
import { InvalidInputError, StaleStateError } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import { type FleetShard, fromShards, parseShardKey, shardKey, toShards } from "./shards.ts";
import type { Fleet, FleetParams } from "./state.ts";

/** The bucket `fleet` as this service keeps it. A projection: whatever it lacks is read from the stream again. */
export class FleetStore {
  private readonly bucket: KvBucket<FleetShard>;
  private readonly log: Log;
  private readonly revisions = new Map<string, number>();

  constructor(bucket: KvBucket<FleetShard>, log: Log) {
    this.bucket = bucket;
    this.log = log;
  }

  /** Values that cannot be read are left out, and written over by the next save. */
  async load(params: FleetParams): Promise<Map<string, Fleet>> {
    const found = new Map<string, Map<number, FleetShard>>();
    for (const { key, value, revision } of await this.bucket.entries()) {
      this.revisions.set(key, revision);
      const { series, shard } = parseShardKey(key);
      found.set(series, (found.get(series) ?? new Map<number, FleetShard>()).set(shard, value));
    }
    return new Map([...found].map(([series, shards]) => [series, fromShards(shards, params)]));
  }

  /**
   * Saves what changed, shard 0 last; the fleet must not change until it is done. Of two monitors that see the same
   * stream the one that is further wins; the other takes its revision over and saves again when it has passed it.
   */
  async save(fleet: Fleet): Promise<void> {
    const left = new Set(fleet.dirty).add(0);
    fleet.dirty.clear();
    try {
      for (const [shard, value] of toShards(fleet, new Set(left))) {
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
      }
      const other = await this.bucket.get(key).catch((error: unknown) => {
        if (error instanceof InvalidInputError) return "unreadable" as const;
        throw error;
      });
      if (other === "unreadable") {
        this.log.warn({ key }, "a value that cannot be read is written over");
        this.revisions.set(key, await this.bucket.put(key, value));
        return;
      }
      this.revisions.set(key, other?.revision ?? 0);
      if (other?.value.stream === value.stream && other.value.last_sequence >= value.last_sequence) {
        this.log.debug({ key, other: other.value.last_sequence }, "another monitor is further");
        return;
      }
    }
  }
}
