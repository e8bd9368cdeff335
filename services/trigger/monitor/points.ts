import type { Point } from "../state.ts";

/**
 * Points of a series, ascending in time, thinned to the first of every `slotMs` (counted from 1970); of several at
 * the same time the one that was stored last. Which points are kept depends on the points alone, not on the order
 * they come in.
 */
export class Points {
  private readonly slotMs: number;
  private points: Point[];
  private mine = false;

  /** @param points not changed */
  constructor(points: readonly Point[], slotMs: number) {
    this.points = points as Point[];
    this.slotMs = slotMs;
  }

  add(point: Point): void {
    const slot = this.slot(point);
    const at = this.placeOf(slot);
    const there = this.points[at];
    if (there === undefined || this.slot(there) !== slot) this.own().splice(at, 0, point);
    else if (point[0] < there[0] || (point[0] === there[0] && point[2] >= there[2])) this.own()[at] = point;
  }

  /** All, without those of slots that lie `spanMs` before the newest. */
  within(spanMs: number): Point[] {
    const newest = this.points.at(-1);
    if (newest === undefined) return this.points;
    const oldest = Math.floor((newest[0] - spanMs) / this.slotMs);
    if (this.slot(this.points[0]!) > oldest) return this.points;
    return this.points.slice(this.placeOf(oldest + 1));
  }

  /** Index of the first point in this slot or a later one. New points mostly belong at the end. */
  private placeOf(slot: number): number {
    let high = this.points.length;
    if (high === 0 || this.slot(this.points[high - 1]!) < slot) return high;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.slot(this.points[middle]!) < slot) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private slot([at]: Point): number {
    return Math.floor(at / this.slotMs);
  }

  private own(): Point[] {
    if (!this.mine) this.points = this.points.slice();
    this.mine = true;
    return this.points;
  }
}
