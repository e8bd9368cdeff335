import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOpen, nextClosed, nextOpening, type TimeWindow, WEEKDAYS } from "./windows.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const NEW_YORK = "America/New_York";
const SANTIAGO = "America/Santiago";

describe("a daily or weekly window", () => {
  it.each<[string, Partial<TimeWindow>, string, boolean]>([
    ["is open from its beginning", { from: "02:00", to: "06:00" }, "2026-01-05T02:00Z", true],
    ["is closed at its end", { from: "02:00", to: "06:00" }, "2026-01-05T06:00Z", false],
    ["is closed on other days", { days: ["sun"], from: "02:00", to: "06:00" }, "2026-01-05T03:00Z", false],
    [
      "that passes midnight is open after it",
      { days: ["sun"], from: "22:00", to: "02:00" },
      "2026-01-05T01:59Z",
      true,
    ],
    [
      "that passes midnight is closed before midnight of the next day",
      { days: ["sun"], from: "22:00", to: "02:00" },
      "2026-01-05T22:30Z",
      false,
    ],
    [
      "of a whole day includes its last minute",
      { days: ["mon"], from: "00:00", to: "24:00" },
      "2026-01-05T23:59Z",
      true,
    ],
    [
      "stands on the clocks of its zone",
      { from: "02:00", to: "06:00", zone: SANTIAGO },
      "2026-01-05T05:30Z",
      true,
    ],
  ])("%s", (_, parts, at, expected) => {
    expect(isOpen([window(parts)], Date.parse(at))).toBe(expected);
  });

  it.each<[string, Partial<TimeWindow>, string, string | null]>([
    ["today", { from: "02:00", to: "06:00" }, "2026-01-05T01:00Z", "2026-01-05T02:00Z"],
    ["now, when it is open", { from: "02:00", to: "06:00" }, "2026-01-05T03:00Z", "2026-01-05T03:00Z"],
    ["next week", { days: ["sun"], from: "02:00", to: "06:00" }, "2026-01-04T06:00Z", "2026-01-11T02:00Z"],
    [
      "after the gap, where its beginning is skipped (8 March)",
      { from: "02:30", to: "04:00", zone: NEW_YORK },
      "2026-03-08T05:00Z",
      "2026-03-08T07:00Z",
    ],
    [
      "the day after, where spring swallows it whole",
      { from: "02:10", to: "02:50", zone: NEW_YORK },
      "2026-03-08T05:00Z",
      "2026-03-09T06:10Z",
    ],
    [
      "again, where the clocks go back behind its beginning (1 November)",
      { from: "01:30", to: "03:00", zone: NEW_YORK },
      "2026-11-01T06:00Z",
      "2026-11-01T06:30Z",
    ],
    ["never, where there is none", { days: [] }, "2026-01-05T01:00Z", null],
  ])("opens %s", (_, parts, at, expected) => {
    const found = nextOpening([window(parts)], Date.parse(at));
    expect(found).toBe(expected === null ? null : Date.parse(expected));
  });

  it("closes at its end, with others only when all have closed, never where one is always open", () => {
    const [night, morning] = [window({ from: "22:00", to: "06:00" }), window({ from: "05:00", to: "09:00" })];
    const at = Date.parse("2026-01-05T23:00Z");
    expect(nextClosed([night], at)).toBe(Date.parse("2026-01-06T06:00Z"));
    expect(nextClosed([night, morning], at)).toBe(Date.parse("2026-01-06T09:00Z"));
    expect(nextClosed([window({ from: "00:00", to: "24:00" })], at)).toBeNull();
    expect(nextClosed([], at)).toBe(at);
  });

  it("opens and closes exactly where looking at every minute says so, changes of clocks included", () => {
    const time = fc.integer({ min: 0, max: 95 }).map((quarter) => {
      const minutes = quarter * 15;
      return `${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
    });
    const windows = fc.array(
      fc.record({
        days: fc.subarray([...WEEKDAYS]),
        from: time,
        to: time,
        zone: fc.constantFrom(NEW_YORK, SANTIAGO, "UTC"),
      }),
      { maxLength: 2 },
    );
    const starts = ["2026-03-07T12:07Z", "2026-11-01T00:01Z", "2026-04-04T20:00Z", "2026-09-05T20:00Z"];
    fc.assert(
      fc.property(windows, fc.constantFrom(...starts), (list, start) => {
        const from = Date.parse(start);
        const limit = from + 1.5 * DAY_MS;
        for (const [search, wanted] of [
          [nextOpening, true],
          [nextClosed, false],
        ] as const) {
          const found = search(list, from) ?? Infinity;
          let scanned = from;
          while (scanned <= limit && isOpen(list, scanned) !== wanted) scanned += MINUTE_MS;
          if (scanned <= limit) expect(found).toBe(scanned);
          else expect(found).toBeGreaterThan(limit);
        }
      }),
      { numRuns: 60 },
    );
  });
});

function window(parts: Partial<TimeWindow>): TimeWindow {
  return { days: WEEKDAYS, from: "00:00", to: "24:00", zone: "UTC", ...parts };
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
