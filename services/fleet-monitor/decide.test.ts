import { describe, expect, it } from "vitest";
import { sweep } from "./decide.ts";
import { at, DAY_MS, HOUR_MS, names, START, TestFleet } from "./fleet.fixture.ts";
import { MOST_NAMED } from "./status.ts";

describe("fleet-monitor, on silence (C-FLT-3)", () => {
  for (const [state, silentMs] of [
    ["active", DAY_MS - 1],
    ["offline", DAY_MS],
    ["offline", 7 * DAY_MS - 1],
    ["sunset-candidate", 7 * DAY_MS],
    ["sunset-candidate", 30 * DAY_MS - 1],
    ["sunset", 30 * DAY_MS],
  ] as const) {
    it(`calls a known entity ${state} after ${silentMs} ms`, () => {
      const test = new TestFleet();
      test.observe(0, "a", "b");
      test.forecast(0, "a", true);
      test.forecast(0, "b", true);
      test.observeAt(START + silentMs, ["b"]);
      const { silent, seen, sunset_total, active_total } = test.status();
      expect(silent).toEqual(state === "active" ? [] : [{ entity: "a", state, days: silentMs / DAY_MS }]);
      expect(seen).toBe(state === "sunset" ? 1 : 2);
      expect(sunset_total).toBe(state === "sunset" ? 1 : 0);
      expect(active_total).toBe(state === "active" ? 2 : 1);
    });
  }

  it("makes an entity active again when it returns, however long it was gone", () => {
    const test = new TestFleet();
    test.observe(0, "a", "b");
    test.observe(40, "b");
    expect(test.silent()).toEqual({ a: "sunset" });
    test.observe(40, "a");
    expect(test.silent()).toEqual({});
    expect(test.status()).toMatchObject({ new: ["a", "b"], seen: 2 });
  });

  it("does not mind disorder and repeats", () => {
    const test = new TestFleet();
    test.observe(5, "a");
    test.observe(4.5, "b");
    test.observe(1, "b", "a");
    test.observe(4.5, "b");
    expect(test.silent()).toEqual({});
    const slot = test.fleet.roster.slots.get("b")!;
    expect(test.fleet.roster.firstSeenMs[slot]).toBe(START + DAY_MS);
    expect(test.fleet.roster.lastSeenMs[slot]).toBe(START + 4.5 * DAY_MS);
  });

  it("forgets after 60 days what no model forecasts, and keeps what one does", () => {
    const test = new TestFleet();
    test.observe(0, "old", "kept", "b");
    test.forecast(1, "old", true);
    test.forecast(40, "kept", true);
    test.observeAt(START + 60 * DAY_MS - 1, ["b"]);
    sweep(test.fleet, []);
    expect(test.fleet.roster.size).toBe(3);
    test.observe(60, "b");
    sweep(test.fleet, []);
    expect([...test.fleet.roster.slots.keys()].sort()).toEqual(["b", "kept"]);
    test.observe(60, "old");
    expect(test.fleet.roster.names.filter((name) => name !== null).sort()).toEqual(["b", "kept", "old"]);
  });
});

describe("fleet-monitor, on the model's vocabulary", () => {
  it("counts drift as (new + sunset) / known: the seed's 7 of 20 is medium (C-FLT-1, C-FLT-4)", () => {
    const test = new TestFleet();
    test.observe(0, ...names(20));
    for (const name of names(20)) test.forecast(0, name, true);
    test.observe(30, ...names(20).slice(2), ...names(5, "fresh"));
    test.forecast(30, "fresh0", false);
    const status = test.status();
    expect(status).toMatchObject({
      drift: 0.35,
      tier: "medium",
      known: 20,
      new_total: 5,
      sunset_total: 2,
      seen: 23,
      new: names(5, "fresh"),
    });
    expect(status.silent.map(({ entity, days }) => [entity, days])).toEqual([
      ["s0", 30],
      ["s1", 30],
    ]);
    test.observe(30, "one-more");
    expect(test.status().tier).toBe("high");
    test.observe(33, "fresh1", "fresh0");
    expect(test.status()).toMatchObject({ new: ["fresh0", "fresh1"], new_days: [3, 3] });
  });

  it("follows the newest champion prediction, whatever challengers say", () => {
    const test = new TestFleet();
    test.observe(0, "a");
    expect(test.status()).toMatchObject({ new: ["a"], drift: null, tier: null, unknown_rate: null });
    test.forecast(2, "a", true);
    test.forecast(1, "a", false);
    test.forecast(3, "a", false, { variant: "challenger" });
    expect(test.status()).toMatchObject({ new: [], drift: 0, tier: "none", known: 1 });
  });

  it("takes sunset entities out of the drift once a new model goes on without them", () => {
    const test = new TestFleet();
    test.observe(0, ...names(4));
    for (const name of names(4)) test.forecast(0, name, true);
    test.observe(31, ...names(3));
    for (const name of names(3)) test.forecast(31, name, true);
    expect(test.status()).toMatchObject({ known: 4, sunset_total: 1, drift: 0.25, tier: "medium" });
    for (const name of names(3)) test.forecast(32, name, true, { model_version: "v2" });
    expect(test.status()).toMatchObject({
      known: 3,
      sunset_total: 0,
      drift: 0,
      tier: "none",
      model_since: at(32),
    });
    expect(test.silent()).toEqual({ s3: "sunset" });
  });

  it("has the unknown rate by time and by count, and their tier (C-FLT-2)", () => {
    const test = new TestFleet({ windowCount: 10 });
    test.observe(0, "a", "b");
    for (let i = 0; i < 20; i += 1) test.forecast(0, "b", false);
    expect(test.status()).toMatchObject({ unknown_rate: 1, unknown_tier: "critical" });
    for (let hour = 24; hour < 44; hour += 1) test.forecast(hour / 24, hour === 30 ? "b" : "a", hour !== 30);
    expect(test.status()).toMatchObject({
      unknown_rate: 1 / 20,
      unknown_rates: { by_time: 1 / 20, by_count: 0 },
      predictions: { by_time: 20, by_count: 10 },
      unknown_tier: "warning",
    });
  });

  it("names the active entities that no recent prediction knew: coverage (C-OPS-1, C-VAL-1)", () => {
    const test = new TestFleet();
    test.observe(0, ...names(4));
    expect(test.status().coverage).toBeNull();
    test.forecast(0, "s0", true);
    test.forecast(0, "s1", false);
    test.forecast(0, "s3", true);
    expect(test.status()).toMatchObject({ coverage: 0.5, uncovered: ["s1", "s2"], uncovered_total: 2 });
    test.forecastAt(START + DAY_MS, "s0", true);
    expect(test.status()).toMatchObject({ coverage: 0.25, uncovered: ["s1", "s2", "s3"] });
  });

  it("counts a confirmed rename neither as new nor as sunset, as long as the old name is silent", () => {
    const test = new TestFleet();
    const confirmed = new Map([["web-2", "web-1"]]);
    test.observe(0, "web-1", "b");
    test.forecast(0, "web-1", true);
    test.forecast(0, "b", true);
    test.observe(31, "web-2", "b");
    expect(test.status()).toMatchObject({ new: ["web-2"], sunset_total: 1, drift: 1, renamed: [] });
    expect(test.status({ confirmed })).toMatchObject({
      new: [],
      silent: [],
      sunset_total: 0,
      known: 2,
      drift: 0,
      renamed: [{ from: "web-1", to: "web-2" }],
    });
    test.observeAt(START + 31 * DAY_MS + HOUR_MS, ["web-1", "b"]);
    expect(test.status({ confirmed })).toMatchObject({ new: ["web-2"], renamed: [] });
  });
});

describe("fleet-monitor, on odd and great fleets", () => {
  it("takes any name as data", () => {
    const test = new TestFleet();
    const odd = [
      "../../etc/passwd",
      "a/b\\c",
      "x.*.>",
      "__proto__",
      "constructor",
      "機械 🙂",
      'say "hi"',
      "é".repeat(200),
    ];
    test.observe(0, ...odd);
    for (const name of odd) test.forecast(0, name, true);
    expect(test.status()).toMatchObject({ seen: odd.length, known: odd.length, new: [] });
  });

  it("turns further entities away where there are too many, and goes on with those it has", () => {
    const test = new TestFleet({ mostEntities: 3 });
    test.observe(0, ...names(5));
    test.observe(2, ...names(5).slice(1));
    expect(test.status()).toMatchObject({ seen: 3, silent: [{ entity: "s0" }] });
    expect(test.fleet.turnedAway).toBe(4);
  });

  it("names a thousand, the longest silent first, and counts all", () => {
    const test = new TestFleet();
    for (let i = 0; i < 2_500; i += 1) test.observe(i / 2_500, `s${i}`);
    test.feed(START + DAY_MS, START + 9 * DAY_MS, HOUR_MS, () => ["beacon"]);
    test.observe(9, ...names(1_199, "fresh"));
    const status = test.status();
    expect([status.seen, status.new_total, status.silent_total]).toEqual([3_700, 1_200, 2_500]);
    expect([status.new.length, status.silent.length, status.uncovered.length]).toEqual([
      MOST_NAMED,
      MOST_NAMED,
      MOST_NAMED,
    ]);
    expect(status.silent.map(({ entity }) => entity)).toEqual(names(MOST_NAMED));
  });
});
