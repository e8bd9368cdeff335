import { PRINT_SIZE } from "./fingerprint.ts";

/** Above this a new entity opens a new shard: a KV value may have 1 MiB. */
export const SHARD_BYTES = 400_000;
/** A row of `FleetMember` without its name: times, counts, fingerprint in base64, commas. */
const ROW_BYTES = 180;
const FIRST_CAPACITY = 16;

/** What is told of an entity when it joins. Times in milliseconds of event time; -Infinity: never. */
export interface Joining {
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly known: boolean;
  readonly predictedMs: number;
  readonly gapMs: number;
  readonly observations: number;
}

/**
 * The entities of one series, in columns: about 130 bytes and the name for each, so that a million take some
 * 250 MB and one look at all of them some milliseconds. A slot is an entity's place in every column; slots of
 * those who left are used again.
 */
export class Roster {
  readonly slots = new Map<string, number>();
  /** Name in each slot; null in a free one. */
  readonly names: (string | null)[] = [];
  firstSeenMs = new Float64Array(FIRST_CAPACITY);
  lastSeenMs = new Float64Array(FIRST_CAPACITY);
  /** Newest champion prediction about it; -Infinity while there was none. */
  predictedMs = new Float64Array(FIRST_CAPACITY);
  /** Usual time between its observations. */
  gapMs = new Float64Array(FIRST_CAPACITY);
  /** Observations with a time of their own, up to 65,535. */
  observations = new Uint16Array(FIRST_CAPACITY);
  /** 1: in the vocabulary of the model, as the newest champion prediction about it says. */
  known = new Uint8Array(FIRST_CAPACITY);
  shard = new Uint32Array(FIRST_CAPACITY);
  /** `PRINT_SIZE` figures a slot; see fingerprint.ts. */
  prints = new Float32Array(FIRST_CAPACITY * PRINT_SIZE);
  /** Bytes that each shard's rows take at most. */
  readonly shardBytes: number[] = [0];
  /** Sequence that each shard had seen when it was loaded: up to it, its entities know of everything. */
  readonly shardSequence: number[] = [0];
  private readonly free: number[] = [];
  private firstOpen = 0;

  get size(): number {
    return this.slots.size;
  }

  /** Adds an entity to the first shard with room that had not yet seen `sequence`. Returns its slot. */
  add(name: string, joining: Joining, sequence: number): number {
    const bytes = rowBytes(name);
    while (this.shardBytes[this.firstOpen]! + 2 * ROW_BYTES > SHARD_BYTES) this.firstOpen += 1;
    let shard = this.firstOpen;
    while (shard < this.shardBytes.length && !this.hasRoom(shard, bytes, sequence)) shard += 1;
    return this.put(name, joining, shard);
  }

  /** Puts an entity into a shard, as it was loaded. */
  put(name: string, joining: Joining, shard: number): number {
    const slot = this.free.pop() ?? this.names.length;
    if (slot >= this.firstSeenMs.length) this.grow();
    this.names[slot] = name;
    this.slots.set(name, slot);
    this.firstSeenMs[slot] = joining.firstSeenMs;
    this.lastSeenMs[slot] = joining.lastSeenMs;
    this.predictedMs[slot] = joining.predictedMs;
    this.gapMs[slot] = joining.gapMs;
    this.observations[slot] = joining.observations;
    this.known[slot] = joining.known ? 1 : 0;
    this.prints.fill(Number.NaN, slot * PRINT_SIZE, (slot + 1) * PRINT_SIZE);
    this.openShards(shard + 1);
    this.shard[slot] = shard;
    this.shardBytes[shard]! += rowBytes(name);
    return slot;
  }

  remove(slot: number): void {
    const name = this.names[slot]!;
    const shard = this.shard[slot]!;
    this.slots.delete(name);
    this.names[slot] = null;
    this.free.push(slot);
    this.shardBytes[shard]! -= rowBytes(name);
    this.firstOpen = Math.min(this.firstOpen, shard);
  }

  print(slot: number): Float32Array {
    return this.prints.subarray(slot * PRINT_SIZE, (slot + 1) * PRINT_SIZE);
  }

  openShards(count: number): void {
    while (this.shardBytes.length < count) {
      this.shardBytes.push(0);
      this.shardSequence.push(0);
    }
  }

  private hasRoom(shard: number, bytes: number, sequence: number): boolean {
    return this.shardBytes[shard]! + bytes <= SHARD_BYTES && this.shardSequence[shard]! < sequence;
  }

  private grow(): void {
    const grown = <A extends Float64Array | Float32Array | Uint8Array | Uint16Array | Uint32Array>(
      column: A,
    ): A => {
      const next = new (column.constructor as new (length: number) => A)(column.length * 2);
      next.set(column);
      return next;
    };
    this.firstSeenMs = grown(this.firstSeenMs);
    this.lastSeenMs = grown(this.lastSeenMs);
    this.predictedMs = grown(this.predictedMs);
    this.gapMs = grown(this.gapMs);
    this.observations = grown(this.observations);
    this.known = grown(this.known);
    this.shard = grown(this.shard);
    this.prints = grown(this.prints);
  }
}

/** At most: a UTF-16 unit takes three bytes of UTF-8, or six where JSON has to escape it. */
function rowBytes(name: string): number {
  let bytes = ROW_BYTES;
  for (let i = 0; i < name.length; i += 1) {
    const unit = name.charCodeAt(i);
    if (unit === 0x22 || unit === 0x5c) bytes += 2;
    else if (unit < 0x80) bytes += 1;
    else bytes += unit >= 0xd800 && unit <= 0xdfff ? 6 : 3;
  }
  return bytes;
}
