import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimeWindow } from "./window.ts";

describe("a window of the newest values by time", () => {
  it("keeps order whatever the order of arrival", () => {
    const window = new TimeWindow<string>(3);
    for (const [time, value] of [
      [2, "b"],
      [1, "a"],
      [4, "d"],
      [3, "c"],
      [0, "too old"],
      [4, "again"],
    ] as const)
      window.set(time, value);
    expect(window.newestEntries()).toEqual({ times: [2, 3, 4], values: ["b", "c", "again"] });
    expect(window.newestEntries(2).times).toEqual([3, 4]);
    expect([window.size, window.newest, window.get(3), window.get(9)]).toEqual([3, 4, "c", undefined]);
  });

  it("agrees with sorting everything, for any arrivals", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 30 })),
        fc.integer({ min: 1, max: 8 }),
        (times, capacity) => {
          const window = new TimeWindow<number>(capacity);
          for (const time of times) window.set(time, time * 2);
          const entries = window.newestEntries();
          const distinct = [...new Set(times)].toSorted((a, b) => a - b);
          // A time may leave and come back only while it is among the newest, so the end is always right.
          expect(entries.times).toEqual(distinct.slice(-capacity));
          expect(entries.values).toEqual(entries.times.map((time) => time * 2));
        },
      ),
    );
  });

  it("refuses a capacity of nothing", () => {
    expect(() => new TimeWindow(0)).toThrow("positive capacity but got 0");
  });
});
