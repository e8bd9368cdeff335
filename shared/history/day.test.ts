import { describe, expect, it } from "vitest";
import { dayIn } from "./day.ts";

describe("the day of an instant (D-BUF-1)", () => {
  for (const [zone, before, after, days] of [
    ["UTC", "2026-03-01T23:59:59.999Z", "2026-03-02T00:00:00Z", ["2026-03-01", "2026-03-02"]],
    // Midnight of 6 September does not exist: clocks go from 24:00 to 01:00.
    ["America/Santiago", "2026-09-06T03:59:59.999Z", "2026-09-06T04:00:00Z", ["2026-09-05", "2026-09-06"]],
    // 4 April has 25 hours: at 24:00 clocks go back to 23:00, and the day turns an hour later.
    ["America/Santiago", "2026-04-05T03:59:59.999Z", "2026-04-05T04:00:00Z", ["2026-04-04", "2026-04-05"]],
    ["America/Santiago", "2026-04-05T02:59:59.999Z", "2026-04-05T03:00:00Z", ["2026-04-04", "2026-04-04"]],
    ["America/New_York", "2026-03-09T03:59:59.999Z", "2026-03-09T04:00:00Z", ["2026-03-08", "2026-03-09"]],
    ["America/New_York", "2026-11-02T04:59:59.999Z", "2026-11-02T05:00:00Z", ["2026-11-01", "2026-11-02"]],
    ["Asia/Kathmandu", "2026-05-01T18:14:59.999Z", "2026-05-01T18:15:00Z", ["2026-05-01", "2026-05-02"]],
  ] as const) {
    it(`turns in ${zone} at ${after}`, () => {
      const dayOf = dayIn(zone);
      expect([before, after].map((each) => dayOf(Date.parse(each)))).toEqual(days);
    });
  }

  it("gives every quarter of an hour to one day, in order, over both changes of a year", () => {
    for (const zone of ["America/Santiago", "America/New_York", "Pacific/Chatham", "UTC"]) {
      const dayOf = dayIn(zone);
      const lengths = new Map<string, number>();
      let last = "";
      for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 900_000) {
        const day = dayOf(at);
        expect(day >= last).toBe(true);
        last = day;
        lengths.set(day, (lengths.get(day) ?? 0) + 1);
      }
      const odd = [...lengths.values()].slice(1, -1).filter((quarters) => quarters !== 96);
      expect(odd.sort()).toEqual(zone === "UTC" ? [] : [100, 92]);
    }
  });
});
