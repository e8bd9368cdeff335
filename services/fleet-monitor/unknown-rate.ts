/** Predictions, and those of them about entities that the model does not know. */
export interface Counts {
  readonly all: number;
  readonly unknown: number;
}

/** Slices that the window by time moves in: a minute of 24 hours. */
const SLICES = 1_440;

/** Predictions of the last `windowMs` before the newest, by the slice of time they were issued in. */
export class WindowByTime {
  readonly slices = new Map<number, Counts>();
  private readonly windowMs: number;
  private readonly sliceMs: number;
  private newestMs = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
    this.sliceMs = Math.max(1, Math.floor(windowMs / SLICES));
  }

  /** Counts of a slice that was saved; it may begin anywhere. */
  add(issuedMs: number, { all, unknown }: Counts): void {
    const start = Math.floor(issuedMs / this.sliceMs) * this.sliceMs;
    if (start <= this.newestMs - this.windowMs) return;
    const counts = this.slices.get(start);
    this.slices.set(start, { all: all + (counts?.all ?? 0), unknown: unknown + (counts?.unknown ?? 0) });
    if (start <= this.newestMs) return;
    this.newestMs = start;
    for (const each of this.slices.keys()) if (each <= start - this.windowMs) this.slices.delete(each);
  }

  counts(): Counts {
    let all = 0;
    let unknown = 0;
    for (const slice of this.slices.values()) {
      all += slice.all;
      unknown += slice.unknown;
    }
    return { all, unknown };
  }
}

/** The last `size` predictions, in the order of the stream. */
export class WindowByCount {
  private readonly ring: Uint8Array;
  private next = 0;
  private filled = 0;
  private unknown = 0;

  constructor(size: number) {
    this.ring = new Uint8Array(size);
  }

  add(unknown: boolean): void {
    const value = unknown ? 1 : 0;
    if (this.filled === this.ring.length) this.unknown -= this.ring[this.next]!;
    else this.filled += 1;
    this.unknown += value;
    this.ring[this.next] = value;
    this.next = (this.next + 1) % this.ring.length;
  }

  counts(): Counts {
    return { all: this.filled, unknown: this.unknown };
  }

  /** A bit for each prediction, oldest first, in base64. */
  save(): { count: number; unknown: string } {
    const bits = new Uint8Array(Math.ceil(this.filled / 8));
    const oldest = (this.next - this.filled + this.ring.length) % this.ring.length;
    for (let i = 0; i < this.filled; i += 1)
      bits[i >> 3]! |= this.ring[(oldest + i) % this.ring.length]! << (i & 7);
    return { count: this.filled, unknown: Buffer.from(bits).toString("base64") };
  }

  load({ count, unknown }: { count: number; unknown: string }): void {
    const bits = Buffer.from(unknown, "base64");
    for (let i = 0; i < count; i += 1) this.add((((bits[i >> 3] ?? 0) >> (i & 7)) & 1) === 1);
  }
}
