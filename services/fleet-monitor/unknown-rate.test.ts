import { describe, expect, it } from "vitest";
import { WindowByCount, WindowByTime } from "./unknown-rate.ts";

const HOUR_MS = 3_600_000;
const one = (unknown: boolean) => ({ all: 1, unknown: unknown ? 1 : 0 });

describe("the window by time (C-FLT-2)", () => {
  it("drops a prediction when it is as old as the window, not a millisecond earlier, to a slice's width", () => {
    const window = new WindowByTime(1_440); // slices of a millisecond
    window.add(0, one(true));
    window.add(1_439, one(false));
    expect(window.counts()).toEqual({ all: 2, unknown: 1 });
    window.add(1_440, one(false));
    expect(window.counts()).toEqual({ all: 2, unknown: 0 });
  });

  it("takes late ones in as long as they belong there", () => {
    const window = new WindowByTime(24 * HOUR_MS);
    window.add(48 * HOUR_MS, one(false));
    window.add(25 * HOUR_MS, one(true));
    window.add(24 * HOUR_MS, one(true));
    expect(window.counts()).toEqual({ all: 2, unknown: 1 });
  });

  it("keeps no more slices than it has, however many predictions come", () => {
    const window = new WindowByTime(24 * HOUR_MS);
    for (let i = 0; i < 20_004; i += 1) window.add(i * 10_000, one(i % 2 === 0));
    expect(window.slices.size).toBe(1_440);
    expect(window.counts()).toEqual({ all: 8_640, unknown: 4_320 });
  });
});

describe("the window by count (C-FLT-2)", () => {
  it("has the last N in the order they came", () => {
    const window = new WindowByCount(4);
    for (const unknown of [true, true, false, false]) window.add(unknown);
    expect(window.counts()).toEqual({ all: 4, unknown: 2 });
    window.add(false);
    expect(window.counts()).toEqual({ all: 4, unknown: 1 });
    window.add(true);
    expect(window.counts()).toEqual({ all: 4, unknown: 1 });
  });

  for (const [before, after] of [
    [13, 13],
    [13, 5],
    [5, 13],
  ] as const)
    it(`comes back from its state into ${after} places as it was in ${before}`, () => {
      const outcomes = Array.from({ length: 30 }, (_, i) => i % 3 === 0);
      const window = new WindowByCount(before);
      for (const unknown of outcomes) window.add(unknown);
      const back = new WindowByCount(after);
      back.load(window.save());
      const kept = outcomes.slice(-Math.min(before, after));
      expect(back.counts()).toEqual({ all: kept.length, unknown: kept.filter(Boolean).length });
    });
});
