import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, noise, specWith } from "../judgement/situation.fixture.ts";
import { calendarMs, seasonOf } from "./calendar.ts";

describe("calendar time", () => {
  const weekdays = { calendar: "weekdays" } as const;
  const day = (date: string) => calendarMs(Date.parse(`${date}T00:00:00Z`), weekdays) / DAY_MS;

  it.each([
    ["from Thursday to Friday a day passes", "2025-05-29", "2025-05-30", 1],
    ["from Friday to Monday a day passes", "2025-05-30", "2025-06-02", 1],
    ["a week is five days", "2025-05-28", "2025-06-04", 5],
    ["a Sunday counts as its Friday", "2025-05-30", "2025-06-01", 0],
    ["before 1970 it is the same", "1969-12-26", "1969-12-29", 1],
  ])("%s", (_, from, to, days) => expect(day(to) - day(from)).toBe(days));

  it("keeps the time of day, and is plain time where every day counts", () => {
    const noon = Date.parse("2025-06-02T12:00:00Z");
    expect(calendarMs(noon, weekdays) % DAY_MS).toBe(12 * HOUR_MS);
    expect(calendarMs(noon, { calendar: "all" })).toBe(noon);
  });
});

describe("the season of values", () => {
  const hourly = (season_length: number | "auto") => specWith({}, { step: "1h", season_length });
  const daily = Array.from({ length: 24 * 20 }, (_, i) => Math.sin((Math.PI * i) / 12) + 0.1 * noise(i));

  it.each([
    ["is that of the spec", 24, HOUR_MS, { periodMs: DAY_MS, phases: 24 }],
    ["has fewer phases where points are thinned", 24, 3 * HOUR_MS, { periodMs: DAY_MS, phases: 8 }],
    ["is found where the spec says auto", "auto", HOUR_MS, { periodMs: DAY_MS, phases: 24 }],
    ["is none where the spec has none", 1, HOUR_MS, undefined],
  ] as const)("%s", (_, season_length, spacing, season) =>
    expect(seasonOf(daily, spacing, hourly(season_length))).toEqual(season),
  );

  it("is none where nothing repeats", () =>
    expect(
      seasonOf(
        daily.map((_, i) => noise(i)),
        HOUR_MS,
        hourly("auto"),
      ),
    ).toBe(undefined));
});
