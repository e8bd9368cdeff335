import { describe, expect, it } from "vitest";
import { ContextStore } from "./context-store.ts";

const grid = { step: "1ms", calendar: "all" } as const;

describe("the observations a forecaster keeps", () => {
  it("are in order whatever order they came in, and only a newer one is news", () => {
    const store = new ContextStore();
    expect([5, 3, 7, 3, 7].map((ms) => store.add(ms, ms))).toEqual([true, false, true, false, false]);
    expect(store.times).toEqual([3, 5, 7]);
    expect(store.newest).toBe(7);
  });

  it("are replaced by a later arrival of the same time, which changes the version", () => {
    const store = new ContextStore();
    store.add(1, 10);
    const { version } = store;
    expect(store.add(1, 11)).toBe(false);
    expect(store.values).toEqual([11]);
    expect(store.version).toBeGreaterThan(version);
    store.add(1, 11);
    expect(store.version).toBe(version + 1);
  });

  it("do not lose a later value to history", () => {
    const store = new ContextStore();
    store.add(2, 20);
    store.addHistory([1, 2, 3], [1, 2, Number.NaN]);
    expect([...store.context(2, 5, grid)]).toEqual([1, 20]);
  });

  it("are at least the newest 8192 and bounded", () => {
    const store = new ContextStore();
    for (let ms = 0; ms < 50_000; ms += 1) store.add(ms, ms);
    expect(store.size).toBeGreaterThanOrEqual(8192);
    expect(store.size).toBeLessThan(2 * 8192);
    expect(store.context(49_999, 8192, grid)[0]).toBe(49_999 - 8191);
  });
});
