import { describe, expect, it } from "vitest";
import { cronProblem, lastAtOrBefore, nextAfter } from "./cron.ts";

const SANTIAGO = "America/Santiago";
const NEW_YORK = "America/New_York";

describe("a cron pattern in a zone, over the changes of clocks of 2026 (A-TRG-6, D-SCH-1)", () => {
  it.each([
    // pattern, zone, after, the next instants
    [
      "Sunday 02:00 in Santiago, clocks back in the night before",
      "0 2 * * 0",
      SANTIAGO,
      "2026-03-28T12:00Z",
      ["2026-03-29T05:00Z", "2026-04-05T06:00Z", "2026-04-12T06:00Z"],
    ],
    [
      "Sunday 02:00 in Santiago, clocks forward in the night before",
      "0 2 * * SUN",
      SANTIAGO,
      "2026-08-29T12:00Z",
      ["2026-08-30T06:00Z", "2026-09-06T05:00Z", "2026-09-13T05:00Z"],
    ],
    [
      "00:30 does not exist in Santiago on 6 September: it comes at 01:00, once",
      "30 0 * * *",
      SANTIAGO,
      "2026-09-05T12:00Z",
      ["2026-09-06T04:00Z", "2026-09-07T03:30Z"],
    ],
    [
      "23:30 comes twice in Santiago on 4 April: the first counts",
      "30 23 * * *",
      SANTIAGO,
      "2026-04-04T12:00Z",
      ["2026-04-05T02:30Z", "2026-04-06T03:30Z"],
    ],
    [
      "02:00 in New York does not exist on 8 March: it comes at 03:00, once",
      "0 2 * * *",
      NEW_YORK,
      "2026-03-07T06:59:59.999Z",
      ["2026-03-07T07:00Z", "2026-03-08T07:00Z", "2026-03-09T06:00Z"],
    ],
    [
      "02:30 in New York does not exist on 8 March: it comes at 03:00, once",
      "30 2 * * *",
      NEW_YORK,
      "2026-03-07T12:00Z",
      ["2026-03-08T07:00Z", "2026-03-09T06:30Z"],
    ],
    [
      "01:30 in New York comes twice on 1 November: the first counts",
      "30 1 * * *",
      NEW_YORK,
      "2026-10-31T12:00Z",
      ["2026-11-01T05:30Z", "2026-11-02T06:30Z"],
    ],
    [
      "02:00 in New York after the doubled hour",
      "0 2 * * *",
      NEW_YORK,
      "2026-10-31T12:00Z",
      ["2026-11-01T07:00Z", "2026-11-02T07:00Z"],
    ],
    [
      "two times of the day, one of them doubled, are two a day",
      "30 1,13 * * *",
      NEW_YORK,
      "2026-11-01T05:00Z",
      ["2026-11-01T05:30Z", "2026-11-01T18:30Z", "2026-11-02T06:30Z"],
    ],
    [
      "an interval goes through the doubled hour",
      "*/30 * * * *",
      NEW_YORK,
      "2026-11-01T05:00Z",
      ["2026-11-01T05:30Z", "2026-11-01T06:00Z", "2026-11-01T06:30Z", "2026-11-01T07:00Z"],
    ],
    [
      "the 29th of February waits for a leap year",
      "0 0 29 2 *",
      "UTC",
      "2026-01-01T00:00Z",
      ["2028-02-29T00:00Z"],
    ],
  ])("%s", (_, cron, zone, after, expected) => {
    const instants: string[] = [];
    let at = Date.parse(after);
    for (let i = 0; i < expected.length; i += 1) {
      at = nextAfter(cron, zone, at)!;
      instants.push(short(at));
      expect(lastAtOrBefore(cron, zone, at)).toBe(at);
      expect(lastAtOrBefore(cron, zone, at + 999)).toBe(at);
    }
    expect(instants).toEqual(expected);
  });

  it("looking back from any hour of a year gives what looking forward gave", () => {
    const end = Date.parse("2027-01-01T00:00Z");
    for (const [cron, zone] of [
      ["30 1 * * *", NEW_YORK],
      ["30 2 * * *", NEW_YORK],
      ["30 23,0 * * *", SANTIAGO],
      ["0 2 * * 0", SANTIAGO],
    ] as const) {
      let last = lastAtOrBefore(cron, zone, Date.parse("2026-01-01T00:00Z"))!;
      for (let next = nextAfter(cron, zone, last)!; next < end; next = nextAfter(cron, zone, last)!) {
        expect(next).toBeGreaterThan(last);
        expect(lastAtOrBefore(cron, zone, next - 1)).toBe(last);
        last = next;
      }
    }
  });

  it("one that never happens again is null", () => {
    expect(nextAfter("0 0 30 2 *", "UTC", 0)).toBeNull();
    expect(lastAtOrBefore("0 0 30 2 *", "UTC", 0)).toBeNull();
  });

  it.each(["", "0 2 * *", "0 25 * * *", "every day", "0 2 * * 0 2026 7"])("'%s' is no pattern", (cron) => {
    expect(cronProblem(cron)).toContain("expected five fields");
    expect(() => nextAfter(cron, "UTC", 0)).toThrow(RangeError);
  });

  it("an unknown zone is named", () => {
    expect(() => nextAfter("0 2 * * *", "America/Atlantis", 0)).toThrow(
      "'America/Atlantis' is no IANA time zone",
    );
  });
});

function short(atMs: number): string {
  return new Date(atMs).toISOString().replace(":00.000Z", "Z");
}
