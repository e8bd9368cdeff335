import { describe, expect, it } from "vitest";
import { contextAt } from "./context.ts";

const at = (...days: string[]) => days.map((day) => Date.parse(day));
const daily = { step: "1d", calendar: "all" } as const;
const weekdays = { step: "1d", calendar: "weekdays" } as const;

describe("the context of a forecast", () => {
  const week = { times: at("2025-01-02", "2025-01-03", "2025-01-06", "2025-01-08"), values: [1, 2, 3, 4] };

  for (const [fact, points, end, length, grid, expected] of [
    ["ends at the observation it is asked for", week, "2025-01-03", 10, daily, [1, 2]],
    ["has NaN where a step has no observation", week, "2025-01-06", 10, daily, [1, 2, NaN, NaN, 3]],
    ["skips weekends on a weekday calendar", week, "2025-01-08", 10, weekdays, [1, 2, 3, NaN, 4]],
    ["holds no more steps than asked for", week, "2025-01-08", 3, weekdays, [3, NaN, 4]],
    ["is empty before the first observation", week, "2025-01-01", 10, daily, []],
    [
      "takes observations that are off the grid by less than half a step",
      { times: at("2025-01-02T14:00Z", "2025-01-03T09:00Z", "2025-01-04T15:30Z"), values: [1, 2, 3] },
      "2025-01-04T15:30Z",
      10,
      daily,
      [1, 2, 3],
    ],
    [
      "takes the newest of several in one step",
      { times: at("2025-01-02T10:00Z", "2025-01-02T11:00Z", "2025-01-03T10:00Z"), values: [1, 2, 3] },
      "2025-01-03T10:00Z",
      10,
      daily,
      [2, 3],
    ],
  ] as const) {
    it(fact, () => expect([...contextAt(points, Date.parse(end), length, grid)]).toEqual(expected));
  }
});
