import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FeedClock, union } from "./feed-clock.ts";

describe("the feed's clock", () => {
  it("stands still in intervals, whole or in part", () => {
    const clock = new FeedClock([
      { fromMs: 10, toMs: 20 },
      { fromMs: 40, toMs: Number.POSITIVE_INFINITY },
    ]);
    expect(clock.between(0, 10)).toBe(10);
    expect(clock.between(0, 11)).toBe(10);
    expect(clock.between(12, 18)).toBe(0);
    expect(clock.between(5, 25)).toBe(10);
    expect(clock.between(25, 100)).toBe(15);
    expect(clock.between(25, 5)).toBe(-10);
  });

  it("counts no time twice where intervals overlap, and minds no empty or reversed one", () => {
    const intervals = [
      { fromMs: 5, toMs: 9 },
      { fromMs: 1, toMs: 6 },
      { fromMs: 8, toMs: 8 },
      { fromMs: 30, toMs: 20 },
    ];
    expect(union(intervals)).toEqual([{ fromMs: 1, toMs: 9 }]);
    expect(new FeedClock(intervals).between(0, 40)).toBe(32);
  });

  it("agrees with counting the milliseconds one by one", () => {
    const interval = fc.tuple(fc.nat(60), fc.nat(60)).map(([fromMs, toMs]) => ({ fromMs, toMs }));
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 6 }), fc.nat(60), fc.nat(60), (intervals, a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        let going = 0;
        for (let ms = from; ms < to; ms += 1)
          if (!intervals.some(({ fromMs, toMs }) => fromMs <= ms && ms < toMs)) going += 1;
        expect(new FeedClock(intervals).between(from, to)).toBe(going);
      }),
    );
  });
});
