import { describe, expect, it } from "vitest";
import { Spacing } from "./spacing.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function after(...gaps: readonly number[]): number | null {
  const spacing = new Spacing(MINUTE_MS);
  for (const gap of gaps) spacing.add(gap);
  return spacing.usualMs();
}

const times = (count: number, ...gaps: readonly number[]) => Array.from({ length: count }, () => gaps).flat();

describe("the usual gap of a feed", () => {
  for (const [feed, gaps, expected] of [
    ["is unknown at first", times(7, HOUR_MS), null],
    ["is the step of a regular feed", times(20, HOUR_MS), HOUR_MS],
    ["is the finest it knows, a minute here, for one that never stops", times(5_000, 100), MINUTE_MS],
    [
      "is what a burst waits for, not what is between its entities",
      times(30, ...times(50, 200), HOUR_MS),
      HOUR_MS,
    ],
    ["is a day where weekends are free", times(12, ...times(4, 24 * HOUR_MS), 72 * HOUR_MS), 24 * HOUR_MS],
    ["is not that of one long absence", [400 * HOUR_MS, ...times(8, HOUR_MS)], HOUR_MS],
    ["follows a feed that has become slower", [...times(64, MINUTE_MS), ...times(40, HOUR_MS)], HOUR_MS],
  ] as const)
    it(feed, () => expect(after(...gaps)).toBe(expected));
});
