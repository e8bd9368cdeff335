/**
 * The newest `capacity` values by time, in ascending order. A second value for a time replaces the first;
 * a value older than all of a full window is dropped. Out-of-order input costs one insertion.
 */
export class TimeWindow<V> {
  private readonly times: number[] = [];
  private readonly values: V[] = [];
  private readonly capacity: number;

  constructor(capacity: number) {
    if (!(capacity > 0)) throw new RangeError(`a window needs a positive capacity but got ${capacity}`);
    this.capacity = capacity;
  }

  get size(): number {
    return this.times.length;
  }

  /** Time of the newest value, in the unit that was set. */
  get newest(): number | undefined {
    return this.times.at(-1);
  }

  get(time: number): V | undefined {
    const at = this.lowerBound(time);
    return this.times[at] === time ? this.values[at] : undefined;
  }

  set(time: number, value: V): void {
    const at = this.lowerBound(time);
    if (this.times[at] === time) {
      this.values[at] = value;
      return;
    }
    if (this.times.length >= this.capacity) {
      if (at === 0) return;
      this.times.splice(at, 0, time);
      this.values.splice(at, 0, value);
      this.times.shift();
      this.values.shift();
      return;
    }
    this.times.splice(at, 0, time);
    this.values.splice(at, 0, value);
  }

  /** The newest `count` entries, oldest first. */
  newestEntries(count: number = this.capacity): {
    readonly times: readonly number[];
    readonly values: readonly V[];
  } {
    const from = Math.max(0, this.times.length - count);
    return { times: this.times.slice(from), values: this.values.slice(from) };
  }

  private lowerBound(time: number): number {
    let low = 0;
    let high = this.times.length;
    // Appending is the usual case.
    if (high > 0 && this.times[high - 1]! < time) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle]! < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
