import { describe, expect, it } from "vitest";
import { takeObservations } from "./observations.ts";

const now = Date.parse("2025-01-08T00:00:00Z");
const source = {
  series: "s",
  metric: "rate",
  bounds: { min: 100, max: 5000 },
  calendar: "weekdays",
} as const;
const ts = "2025-01-07T00:00:00Z";

describe("taking observations in", () => {
  for (const [fact, record] of [
    ["breaks the contract", { values: { rate: 900 } }],
    ["has no object", "900"],
    ["is absurdly large", { ts, values: { rate: 1e300 } }],
    ["overflows to infinity", JSON.parse(`{"ts":"${ts}","values":{"rate":1e999}}`)],
    ["is out of bounds", { ts, values: { rate: 99 } }],
    ["is more than a day ahead", { ts: "2025-01-09T00:00:01Z", values: { rate: 900 } }],
    ["lies on a weekend", { ts: "2025-01-04T00:00:00Z", values: { rate: 900 } }],
    ["has a time that is none", { ts: "yesterday", values: { rate: 900 } }],
  ] as const) {
    it(`refuses what ${fact}, and goes on`, () => {
      const good = { ts, values: { rate: 950 } };
      const { accepted, refused } = takeObservations([record, good], source, now);
      expect(accepted).toEqual([{ ms: Date.parse(ts), value: 950 }]);
      expect(refused).toHaveLength(1);
    });
  }

  for (const [fact, record] of [
    ["another entity", { ts, entity: "other", values: { rate: 1 } }],
    ["another metric", { ts, values: { volume: 1 } }],
  ] as const) {
    it(`passes by ${fact}`, () => {
      expect(takeObservations(record, source, now)).toEqual({ accepted: [], refused: [] });
    });
  }

  it("says where, what and what was expected", () => {
    const { refused } = takeObservations({ ts, values: { rate: 7 } }, source, now);
    expect(refused).toEqual([`${ts}: rate is 7, expected 100 to 5000`]);
  });
});
