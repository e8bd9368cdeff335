import { describe, expect, it } from "vitest";
import { FleetStore } from "./fleet-store.ts";

const DAY_MS = 86_400_000;

describe("the observations kept of a fleet", () => {
  it("are those of each entity, and only what is newer for its entity is news", () => {
    const store = new FleetStore();
    expect(store.add("a", 5, 1)).toBe(true);
    expect(store.add("b", 3, 2)).toBe(true);
    expect(store.add("a", 4, 3)).toBe(false);
    expect([...store.members()].map(({ entity, store: own }) => [entity, own.values])).toEqual([
      ["a", [3, 1]],
      ["b", [2]],
    ]);
    expect(store.newest).toBe(5);
  });

  it("stay within the budget, shared evenly, the newest of each", () => {
    const budget = 12_000;
    const store = new FleetStore(budget);
    let most = 0;
    for (let ms = 0; ms < 2_000; ms += 1) {
      for (let i = 0; i < 20; i += 1) store.add(`server-${i}`, ms, ms);
      most = Math.max(
        most,
        [...store.members()].reduce((sum, { store: own }) => sum + own.size, 0),
      );
    }
    expect(most).toBeLessThanOrEqual(budget);
    for (const { store: own } of store.members()) {
      expect(own.size).toBeGreaterThanOrEqual(300);
      expect(own.newest).toBe(1_999);
    }
  });

  it("retires who is silent for 30 days behind the fleet (C-FLT-3), and who returns is there again", () => {
    const store = new FleetStore();
    store.addHistory("gone", [0, DAY_MS], [1, 2]);
    store.addHistory("late", [0, 5 * DAY_MS], [1, 2]);
    store.add("here", 32 * DAY_MS, 3);
    expect([...store.members()].map(({ entity }) => entity)).toEqual(["late", "here"]);
    store.add("gone", 33 * DAY_MS, 4);
    expect(store.get("gone")?.store.values).toEqual([4]);
  });

  it("are not driven out by a flood of names: who was silent longest goes first", () => {
    const store = new FleetStore(30_000); // room for 75 entities
    for (let ms = 0; ms < 1_000; ms += 1) {
      store.add("real", ms, ms);
      store.add(`noise-${ms}`, ms, 0);
    }
    expect(store.size).toBeLessThanOrEqual(75);
    expect(store.get("real")?.store.size).toBeGreaterThanOrEqual(300);
  });
});
