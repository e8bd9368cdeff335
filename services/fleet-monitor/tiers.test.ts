import { describe, expect, it } from "vitest";
import { driftTier, unknownTier, worse } from "./tiers.ts";

describe("the tier of a fleet drift (C-FLT-1)", () => {
  for (const [changed, known, tier] of [
    [0, 0, null],
    [5, 0, null],
    [0, 20, "none"],
    [99, 1_000, "none"],
    [1, 10, "low"],
    [100, 1_000, "low"],
    [199, 1_000, "low"],
    [1, 5, "medium"],
    [200, 1_000, "medium"],
    [7, 20, "medium"], // the seed's example
    [350_000, 1_000_000, "medium"],
    [350_001, 1_000_000, "high"],
    [8, 20, "high"],
    [30, 20, "high"],
  ] as const)
    it(`of ${changed} in ${known} is ${tier}`, () => expect(driftTier(changed, known)).toBe(tier));
});

describe("the tier of an unknown rate (C-FLT-2)", () => {
  for (const [unknown, all, tier] of [
    [0, 19, null],
    [19, 19, null],
    [0, 20, "fine"],
    [49_999, 1_000_000, "fine"],
    [1, 20, "warning"],
    [50_000, 1_000_000, "warning"],
    [3, 20, "warning"],
    [150_000, 1_000_000, "warning"],
    [150_001, 1_000_000, "critical"],
    [4, 20, "critical"],
  ] as const)
    it(`of ${unknown} in ${all} is ${tier}`, () => expect(unknownTier({ all, unknown })).toBe(tier));

  it("of two windows is the worse, and that of the one which can tell", () => {
    expect(worse("fine", "critical")).toBe("critical");
    expect(worse("warning", "fine")).toBe("warning");
    expect(worse(null, "fine")).toBe("fine");
    expect(worse(null, null)).toBeNull();
  });
});
