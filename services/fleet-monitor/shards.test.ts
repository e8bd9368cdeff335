import { describe, expect, it } from "vitest";
import { FleetState } from "../../shared/contracts/fleet-monitor.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, names, START, TestFleet } from "./fleet.fixture.ts";
import { tick } from "./outage.ts";
import { SHARD_BYTES } from "./roster.ts";
import { type FleetShard, fromShards, toShards } from "./shards.ts";

const STEP_MS = 5 * MINUTE_MS;
/** Lists that are cut short depend on the order of entities. */
const WHOLE = { mostNamed: 10_000 };

/** Every shard, as it would be in the bucket. */
function saved({ fleet }: TestFleet): Map<number, FleetShard> {
  const all = new Set(fleet.roster.shardBytes.keys());
  return new Map(
    [...toShards(fleet, all)].map(([shard, value]) => [
      shard,
      FleetState.parse(JSON.parse(JSON.stringify(value))),
    ]),
  );
}

function reloaded(test: TestFleet, shards = saved(test)): TestFleet {
  return new TestFleet(test.params, fromShards(shards, test.params));
}

describe("a fleet in the bucket", () => {
  it("comes back as it was, with its outages, windows, models and odd names", () => {
    const test = new TestFleet();
    const odd = [...names(9), "__proto__", "../x 🙂", "\ud800"];
    test.feed(START, START + DAY_MS, STEP_MS, () => odd);
    test.feed(START + 2 * DAY_MS, START + 2 * DAY_MS + 3 * HOUR_MS, STEP_MS, () => odd.slice(8));
    for (const [i, name] of odd.entries()) test.forecastAt(START + i * HOUR_MS, name, i % 3 > 0);
    tick(test.fleet, 1e12, null, test.params);
    test.fleet.lastSequence = 9_999;
    const back = reloaded(test);
    expect(test.status()).toMatchObject({ outage: { reason: "fleet" }, seen: 12 });
    expect(back.status()).toEqual(test.status());
    expect(saved(back)).toEqual(saved(test));
    const goOn = (each: TestFleet) => {
      each.feed(START + 2 * DAY_MS + 3 * HOUR_MS, START + 12 * DAY_MS, STEP_MS, () => odd.slice(8));
      return each.status();
    };
    expect(goOn(back)).toEqual(goOn(test));
  });

  it("is spread over shards that fit a KV value, whatever the names are made of", () => {
    const test = new TestFleet();
    for (let n = 0; n < 1_500; n += 1) {
      test.observe(0, `${n} ${"機".repeat(190)}`, `${n} ${"\udc00".repeat(190)}`, `${n} ${'"'.repeat(190)}`);
      test.forecast(0, `${n} ${"機".repeat(190)}`, true);
    }
    const shards = saved(test);
    expect(shards.size).toBeGreaterThan(5);
    for (const shard of shards.values())
      expect(Buffer.byteLength(JSON.stringify(shard))).toBeLessThan(SHARD_BYTES + 100_000);
    expect(reloaded(test).fleet.roster.size).toBe(4_500);
  });

  it("takes no message in twice where a save was cut short, and none too few", () => {
    const count = 5_000; // in several shards
    const straight = new TestFleet();
    const cut = new TestFleet();
    const first = (test: TestFleet) => test.feed(START, START + 2 * STEP_MS, STEP_MS, () => names(count));
    const second = (test: TestFleet) => {
      test.feed(START + 3 * STEP_MS, START + 4 * STEP_MS, STEP_MS, () => names(count + 100));
      test.forecastAt(START, "s7", true);
    };
    for (const test of [straight, cut]) first(test);
    cut.fleet.lastSequence = 3 * count;
    const before = saved(cut);
    second(straight);
    second(cut);
    cut.fleet.lastSequence = 3 * count + 2 * (count + 100) + 1;
    const after = saved(cut);
    const torn = new Map([...after, [0, before.get(0)!]]); // all but shard 0 were saved
    expect(after.size).toBeGreaterThan(2);
    const back = reloaded(cut, torn);
    expect(back.fleet.lastSequence).toBe(3 * count);
    second(back);
    expect(back.status(WHOLE)).toEqual(straight.status(WHOLE));
    const members = (test: TestFleet) =>
      [...saved(test).values()].flatMap((shard) => shard.members).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(members(back)).toEqual(members(straight));
  });

  it("is read from the stream again where a shard is missing, with nothing counted twice", () => {
    const test = new TestFleet();
    const feed = (each: TestFleet) => {
      each.feed(START, START + STEP_MS, STEP_MS, () => names(5_000));
      each.forecastAt(START, "s1", false);
    };
    feed(test);
    test.fleet.lastSequence = 10_001;
    const shards = saved(test);
    shards.delete(1);
    const back = reloaded(test, shards);
    expect(back.fleet.lastSequence).toBe(0);
    expect(back.fleet.roster.size).toBeLessThan(5_000);
    feed(back);
    expect(back.status(WHOLE)).toEqual(test.status(WHOLE));
  });
});
