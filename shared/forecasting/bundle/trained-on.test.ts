import { describe, expect, it } from "vitest";
import { timeBefore, trainedOn } from "./trained-on.ts";

const DAY = 86_400_000;
const monday = Date.UTC(2026, 0, 5);

describe("time of a step before another", () => {
  it.each([
    ["all", 0, monday],
    ["all", 3, monday - 3 * DAY],
    ["weekdays", 1, monday - 3 * DAY],
    ["weekdays", 5, monday - 7 * DAY],
    ["weekdays", 6, monday - 10 * DAY],
  ] as const)("on calendar %s, %d steps before", (calendar, steps, expected) => {
    expect(timeBefore(monday, steps, { stepMs: DAY, calendar })).toBe(expected);
  });
});

describe("what a bundle was trained on (C-TRN-1)", () => {
  it("reaches from the first value of the longest series to the last of all, and counts entities", () => {
    const series = [
      { entity: "a", values: new Float64Array(3), endMs: monday },
      { entity: "b", values: new Float64Array(2), endMs: monday + DAY },
      { entity: null, values: new Float64Array(1), endMs: monday },
    ];
    expect(trainedOn(series, { stepMs: DAY, calendar: "all" }, 7)).toEqual({
      from: "2026-01-03T00:00:00.000Z",
      to: "2026-01-06T00:00:00.000Z",
      entities: 2,
      rows: 7,
    });
  });
});
