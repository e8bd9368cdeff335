import { describe, expect, it } from "vitest";
import type { Prediction } from "../../shared/contracts/telemetry.ts";
import { forget, MOST_NAMED, predicted, seen, statusOf } from "./decide.ts";
import { type Fleet, fromShards, newFleet, SHARD_BYTES, toShards } from "./state.ts";

const DAY_MS = 86_400_000;
const WINDOW_MS = DAY_MS;
const START = Date.parse("2026-01-01T00:00:00Z");
const at = (days: number) => new Date(START + days * DAY_MS).toISOString();

function observe(fleet: Fleet, days: number, ...entities: string[]): void {
  for (const entity of entities) seen(fleet, { ts: at(days), entity, values: { cpu: 1 } });
}

function forecast(
  fleet: Fleet,
  days: number,
  entity: string,
  known: boolean,
  more: Partial<Prediction> = {},
): void {
  predicted(
    fleet,
    {
      issued_at: at(days),
      target_ts: at(days + 1),
      step: 1,
      entity,
      mean: 1,
      lower: 0,
      upper: 2,
      known_entity: known,
      model_version: "v1",
      latency_ms: 1,
      ...more,
    },
    WINDOW_MS,
  );
}

const names = (n: number, prefix = "s") => Array.from({ length: n }, (_, i) => `${prefix}${i}`);

describe("fleet-monitor, on silence (C-FLT-3)", () => {
  for (const [state, days] of [
    ["active", 0.99],
    ["offline", 1],
    ["offline", 6.9],
    ["sunset-candidate", 7],
    ["sunset-candidate", 29.9],
    ["sunset", 30],
  ] as const) {
    it(`calls a known entity ${state} after ${days} days`, () => {
      const fleet = newFleet("fleet", "");
      observe(fleet, 0, "a", "b");
      forecast(fleet, 0, "a", true);
      forecast(fleet, 0, "b", true);
      observe(fleet, days, "b");
      const { silent, seen: present } = statusOf(fleet, WINDOW_MS);
      expect(silent.map((each) => [each.entity, each.state])).toEqual(
        state === "active" ? [] : [["a", state]],
      );
      expect(present).toBe(state === "sunset" ? 1 : 2);
    });
  }

  it("makes an entity active again when it returns", () => {
    const fleet = newFleet("fleet", "");
    observe(fleet, 0, "a", "b");
    observe(fleet, 40, "b");
    observe(fleet, 40, "a");
    expect(statusOf(fleet, WINDOW_MS).silent).toEqual([]);
    expect(fleet.members.get("a")).toMatchObject({ firstSeenMs: START, lastSeenMs: START + 40 * DAY_MS });
  });

  it("silences nobody when the whole feed stops, and does not mind disorder", () => {
    const fleet = newFleet("fleet", "");
    observe(fleet, 5, "a");
    observe(fleet, 4.5, "b");
    observe(fleet, 1, "b", "a");
    expect(statusOf(fleet, WINDOW_MS).silent).toEqual([]);
    expect(fleet.members.get("b")).toMatchObject({
      firstSeenMs: START + DAY_MS,
      lastSeenMs: START + 4.5 * DAY_MS,
    });
  });

  it("forgets after 60 days what no model forecasts, and keeps what one does", () => {
    const fleet = newFleet("fleet", "");
    observe(fleet, 0, "old", "kept", "b");
    forecast(fleet, 1, "old", true);
    forecast(fleet, 40, "kept", true);
    observe(fleet, 60, "b");
    forget(fleet);
    expect([...fleet.members.keys()]).toEqual(["kept", "b"]);
  });
});

describe("fleet-monitor, on the model's vocabulary", () => {
  it("counts drift as (new + sunset) / known: the seed's 7 of 20 (C-FLT-1, C-FLT-4)", () => {
    const fleet = newFleet("fleet", "");
    observe(fleet, 0, ...names(20));
    for (const name of names(20)) forecast(fleet, 0, name, true);
    observe(fleet, 30, ...names(20).slice(2), ...names(5, "fresh"));
    forecast(fleet, 30, "fresh0", false);
    const status = statusOf(fleet, WINDOW_MS);
    expect(status.drift).toBeCloseTo(0.35, 12);
    expect(status.new).toEqual(names(5, "fresh"));
    expect(status.silent.map(({ entity, days }) => [entity, days])).toEqual([
      ["s0", 30],
      ["s1", 30],
    ]);
  });

  it("follows the newest champion prediction, whatever challengers say", () => {
    const fleet = newFleet("fleet", "");
    observe(fleet, 0, "a");
    expect(statusOf(fleet, WINDOW_MS)).toMatchObject({ new: ["a"], drift: null, unknown_rate: null });
    forecast(fleet, 2, "a", true);
    forecast(fleet, 1, "a", false);
    forecast(fleet, 3, "a", false, { variant: "challenger" });
    expect(statusOf(fleet, WINDOW_MS)).toMatchObject({ new: [], drift: 0 });
  });

  it("takes the unknown rate over the window alone (C-FLT-2)", () => {
    const fleet = newFleet("fleet", "");
    observe(fleet, 0, "a", "b");
    forecast(fleet, 0, "b", false);
    for (let hour = 24; hour < 44; hour++) forecast(fleet, hour / 24, hour === 30 ? "b" : "a", hour !== 30);
    expect(statusOf(fleet, WINDOW_MS).unknown_rate).toBeCloseTo(1 / 20, 12);
    expect(fleet.hours.size).toBeLessThanOrEqual(24);
  });
});

describe("fleet-monitor, on a great fleet", () => {
  it("spreads entities over shards that fit a KV value and comes back from them as it was", () => {
    const fleet = newFleet("fleet", "created");
    for (let n = 0; n < 20_000; n++) observe(fleet, n / 20_000, `server "${n}" ✓`);
    forecast(fleet, 1, 'server "7" ✓', true);
    fleet.lastSequence = 5;
    const shards = toShards(fleet, new Set(fleet.shardBytes.keys()));
    expect(shards.size).toBeGreaterThan(5);
    for (const shard of shards.values())
      expect(Buffer.byteLength(JSON.stringify(shard))).toBeLessThan(SHARD_BYTES + 50_000);
    const { dirty: _, ...expected } = fleet;
    const { dirty, ...back } = fromShards(new Map([...shards].reverse()));
    expect(dirty.size).toBe(0);
    expect({ ...back, members: new Map([...back.members].sort()) }).toEqual({
      ...expected,
      members: new Map([...expected.members].sort()),
    });
  });

  it("names a thousand and counts all", () => {
    const fleet = newFleet("fleet", "");
    observe(fleet, 0, ...names(2_500));
    const status = statusOf(fleet, WINDOW_MS);
    expect([status.seen, status.new.length, status.new_total]).toEqual([2_500, MOST_NAMED, 2_500]);
  });
});
