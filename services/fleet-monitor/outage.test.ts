import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, names, START, TestFleet } from "./fleet.fixture.ts";
import { tick } from "./outage.ts";

const STEP_MS = 5 * MINUTE_MS;
const ALL = names(10);

/** A fleet that reports every five minutes for a day; `s9` stops at noon. */
function steady(): TestFleet {
  const test = new TestFleet();
  test.feed(START, START + DAY_MS, STEP_MS, (t) => (t <= START + DAY_MS / 2 ? ALL : ALL.slice(0, 9)));
  return test;
}

const iso = (timeMs: number) => new Date(timeMs).toISOString();

describe("an outage of the feed", () => {
  for (const [length, outageMs] of [
    ["an hour", HOUR_MS],
    ["two days", 2 * DAY_MS],
    ["sixty days", 60 * DAY_MS],
  ] as const)
    it(`of ${length} is nobody's silence, to the millisecond`, () => {
      const test = steady();
      const back = START + DAY_MS + STEP_MS + outageMs;
      test.observeAt(back, ["s0"]);
      expect(test.fleet.outages).toEqual([{ fromMs: START + DAY_MS + STEP_MS, toMs: back, reason: "feed" }]);
      expect(test.silent()).toEqual({});
      // s9 has 12 hours of silence behind it, less nothing: it is offline 12 hours after the outage, less one step.
      const offlineAt = START + DAY_MS / 2 + outageMs + DAY_MS;
      test.feed(back + STEP_MS, offlineAt - 1, STEP_MS, () => ALL.slice(0, 9));
      test.observeAt(offlineAt - 1, ["s0"]);
      expect(test.silent()).toEqual({});
      test.observeAt(offlineAt, ["s0"]);
      expect(test.silent()).toEqual({ s9: "offline" });
    });

  it("begins beyond three usual gaps, not at them", () => {
    const test = steady();
    test.observeAt(START + DAY_MS + 3 * STEP_MS, ALL);
    expect(test.fleet.outages).toEqual([]);
    test.observeAt(START + DAY_MS + 6 * STEP_MS + 1, ALL);
    expect(test.fleet.outages).toHaveLength(1);
  });

  it("is not known of before the feed's usual gap is, and is no outage within ten minutes of a quick feed", () => {
    const young = new TestFleet();
    young.feed(START, START + 7 * STEP_MS, STEP_MS, () => ALL);
    young.observeAt(START + DAY_MS, ALL);
    expect(young.fleet.outages).toEqual([]);
    const quick = new TestFleet();
    quick.feed(START, START + HOUR_MS, 10_000, () => ["a"]);
    quick.observeAt(START + HOUR_MS + 10 * MINUTE_MS, ["a"]);
    expect(quick.fleet.outages).toEqual([]);
  });

  it("is shown while it lasts, by the clock, as one of the series or of all telemetry", () => {
    const test = steady();
    test.fleet.heardMs = 1_000_000;
    tick(test.fleet, 1_000_000 + 3 * STEP_MS, null, test.params);
    expect(test.status().outage).toBeNull();
    tick(test.fleet, 1_000_001 + 3 * STEP_MS, 1_000_000 + STEP_MS, test.params);
    expect(test.status().outage).toEqual({ since: iso(START + DAY_MS + STEP_MS), reason: "feed" });
    test.observeAt(START + DAY_MS + STEP_MS, ALL); // late, but nothing was lost
    expect(test.status().outage).toBeNull();
    expect(test.fleet.outages).toEqual([]);
    tick(test.fleet, 1_000_001 + 3 * STEP_MS, 1_000_000, test.params);
    expect(test.status().outage?.reason).toBe("telemetry");
    test.observeAt(START + 2 * DAY_MS, ALL);
    expect(test.status().outage).toBeNull();
    expect(test.fleet.outages.at(-1)?.reason).toBe("telemetry");
  });

  it("keeps the silence of five hundred and more outages exact for whoever was gone before them", () => {
    const test = new TestFleet();
    test.feed(START, START + HOUR_MS, STEP_MS, () => ["a", "b"]);
    let at = START + HOUR_MS;
    for (let outage = 0; outage < 600; outage += 1) {
      test.feed(at + HOUR_MS, at + HOUR_MS + 11 * STEP_MS, STEP_MS, () => ["a"]); // 55 min each, and one step is due
      at += HOUR_MS + 11 * STEP_MS;
    }
    expect(test.fleet.outages).toHaveLength(500);
    expect(test.status().silent).toMatchObject([{ entity: "b", days: (600 * HOUR_MS) / DAY_MS }]);
  });
});

describe("an outage of most of a fleet at once", () => {
  /** `gone` of ten stop after a day; the rest goes on. */
  function partial(gone: number, forMs: number, replacements: readonly string[] = []): TestFleet {
    const test = new TestFleet();
    test.feed(START, START + DAY_MS, STEP_MS, () => ALL);
    const rest = [...ALL.slice(gone), ...replacements];
    test.feed(START + DAY_MS + STEP_MS, START + DAY_MS + forMs, STEP_MS, () => rest);
    return test;
  }

  it("holds the silence of all from when they were overdue, while half of them are missing", () => {
    const test = partial(5, 3 * DAY_MS);
    expect(test.status()).toMatchObject({
      outage: { since: iso(START + DAY_MS + STEP_MS), reason: "fleet" },
      silent: [],
      active_total: 10,
    });
    test.feed(START + 4 * DAY_MS + STEP_MS, START + 4 * DAY_MS + HOUR_MS, STEP_MS, () => ALL.slice(1));
    expect(test.status().outage).toBeNull();
    expect(test.fleet.outages).toEqual([
      { fromMs: START + DAY_MS + STEP_MS, toMs: START + 4 * DAY_MS + STEP_MS * 2, reason: "fleet" },
    ]);
    expect(test.silent()).toEqual({});
  });

  it("is seen in a fleet that reports once a day, too", () => {
    const test = new TestFleet();
    test.feed(START, START + 20 * DAY_MS, DAY_MS, () => ALL);
    test.feed(START + 21 * DAY_MS, START + 24 * DAY_MS, DAY_MS, () => ALL.slice(6));
    expect(test.status()).toMatchObject({ outage: { since: iso(START + 21 * DAY_MS), reason: "fleet" } });
  });

  it("is none where fewer than half stop, or fewer than five", () => {
    expect(partial(4, 3 * DAY_MS).silent()).toEqual({
      s0: "offline",
      s1: "offline",
      s2: "offline",
      s3: "offline",
    });
    const three = new TestFleet();
    three.feed(START, START + DAY_MS, STEP_MS, () => ["a", "b", "c"]);
    three.feed(START + DAY_MS, START + 3 * DAY_MS, STEP_MS, () => ["a"]);
    expect(three.silent()).toEqual({ b: "offline", c: "offline" });
  });

  it("is none where others came in their place: a fleet redeployed under new names", () => {
    const test = partial(8, 3 * DAY_MS, names(8, "new"));
    expect(test.status().outage).toBeNull();
    expect(test.status()).toMatchObject({ silent_total: 8, active_total: 10 });
  });

  it("is none where they stop one after the other", () => {
    const test = new TestFleet();
    test.feed(START, START + 3 * DAY_MS, STEP_MS, (t) =>
      ALL.slice(Math.max(0, Math.min(8, Math.floor((t - START - DAY_MS) / HOUR_MS)))),
    );
    expect(test.fleet.outages).toEqual([]);
    expect(test.status()).toMatchObject({ outage: null, silent_total: 8 });
  });

  it("is believed after seven days: then they are silent, and it does not begin again", () => {
    const test = partial(6, 7 * DAY_MS + 2 * HOUR_MS);
    expect(test.status().outage).toBeNull();
    const held = { fromMs: START + DAY_MS + STEP_MS, toMs: START + 8 * DAY_MS + STEP_MS, reason: "fleet" };
    expect(test.fleet.outages).toEqual([held]);
    test.feed(START + 9 * DAY_MS, START + 12 * DAY_MS, STEP_MS, () => ALL.slice(6));
    expect(test.status()).toMatchObject({ outage: null, silent_total: 6 });
  });

  it("is none for those that report rarely, on the hour, among those that report often", () => {
    const test = new TestFleet();
    test.feed(START, START + DAY_MS, STEP_MS, (t) => (t % HOUR_MS === 0 ? ALL : ALL.slice(8)));
    expect(test.fleet.outages).toEqual([]);
    expect(test.status().outage).toBeNull();
  });
});

describe("incidents and maintenance", () => {
  it("are nobody's silence", () => {
    const test = steady();
    test.excused = [{ fromMs: START + 1.5 * DAY_MS, toMs: START + 2 * DAY_MS }];
    test.feed(START + DAY_MS, START + 2 * DAY_MS - 1, STEP_MS, () => ALL.slice(0, 9));
    test.observeAt(START + 2 * DAY_MS - 1, ["s0"]);
    expect(test.silent()).toEqual({ s9: "offline" }); // exactly 24 hours without the half day
    test.excused = [{ fromMs: START + 1.5 * DAY_MS - 1, toMs: Number.POSITIVE_INFINITY }];
    expect(test.silent()).toEqual({});
  });
});
