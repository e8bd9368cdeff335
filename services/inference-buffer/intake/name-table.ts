const FIRST_CAPACITY = 256;

/**
 * Texts by their bytes: a name that was seen before costs a hash and a comparison, and no string is made.
 * Places count from 0 and stay until `clear`.
 */
export class NameTable {
  readonly texts: string[] = [];
  private pool = new Uint8Array(4_096);
  private used = 0;
  private starts = new Int32Array(FIRST_CAPACITY + 1);
  /** Open addressing, twice as many slots as names; 0 is empty, else place + 1. */
  private slots = new Int32Array(2 * FIRST_CAPACITY);
  private hashes = new Int32Array(FIRST_CAPACITY);

  /** Place of the ASCII name at `from` up to before `to`, whose bytes hash to `hash`. */
  placeOf(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = this.slots[slot]! - 1;
      if (place < 0) return this.add(bytes, from, to, hash);
      if (this.hashes[place] === hash && this.isAt(place, bytes, from, to)) return place;
    }
  }

  clear(): void {
    this.texts.length = 0;
    this.used = 0;
    this.slots.fill(0);
  }

  private isAt(place: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = this.starts[place]!;
    if (this.starts[place + 1]! - start !== to - from) return false;
    for (let i = 0; i < to - from; i++) if (this.pool[start + i] !== bytes[from + i]) return false;
    return true;
  }

  private add(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const place = this.texts.length;
    if (place === this.hashes.length) this.grow();
    const length = to - from;
    while (this.used + length > this.pool.length) {
      const pool = new Uint8Array(2 * this.pool.length);
      pool.set(this.pool);
      this.pool = pool;
    }
    this.pool.set(bytes.subarray(from, to), this.used);
    this.starts[place] = this.used;
    this.used += length;
    this.starts[place + 1] = this.used;
    this.hashes[place] = hash;
    this.texts.push(String.fromCharCode(...bytes.subarray(from, to)));
    this.settle(place);
    return place;
  }

  private grow(): void {
    const capacity = 2 * this.hashes.length;
    const starts = new Int32Array(capacity + 1);
    const hashes = new Int32Array(capacity);
    starts.set(this.starts);
    hashes.set(this.hashes);
    this.starts = starts;
    this.hashes = hashes;
    this.slots = new Int32Array(2 * capacity);
    for (let place = 0; place < this.texts.length; place++) this.settle(place);
  }

  private settle(place: number): void {
    const mask = this.slots.length - 1;
    let slot = this.hashes[place]! & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = place + 1;
  }
}
