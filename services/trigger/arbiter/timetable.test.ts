import { describe, expect, it } from "vitest";
import { initialArbiter } from "../state.ts";
import { DAY_MS, specWith } from "./arbiter.fixture.ts";
import { dueSchedules, nextLook, nextScheduled, scheduleKey } from "./timetable.ts";

const SUNDAYS = { cron: "0 2 * * 0", zone: "America/Santiago", catch_up: true };
const NIGHTLY = { cron: "0 2 * * *", zone: "America/New_York", catch_up: true };

describe("the scheduled times that are due (A-TRG-6, D-SCH-1)", () => {
  it.each([
    ["before it comes", "2026-04-05T05:59:58Z", []],
    [
      "when it comes, an hour later by UTC than the Sunday before",
      "2026-04-05T06:00Z",
      ["2026-04-05T06:00Z"],
    ],
    ["an hour after it", "2026-04-05T07:00Z", ["2026-04-05T06:00Z"]],
    ["five weeks after it: once, for the newest time", "2026-05-12T00:00Z", ["2026-05-10T06:00Z"]],
  ])("%s", (_, at, expected) => {
    const handled = { [scheduleKey(SUNDAYS)]: Date.parse("2026-03-29T05:00Z") };
    const first = dueSchedules(handled, [SUNDAYS], Date.parse(at));
    expect(first.due.map((each) => Date.parse(each.at))).toEqual(expected.map((each) => Date.parse(each)));
    const again = dueSchedules(first.handled, [SUNDAYS], Date.parse(at) + 1_000);
    expect(again).toEqual({ handled: first.handled, due: [] });
    expect(again.handled).toBe(first.handled);
  });

  it("every night of the changes of clocks in New York has one run", () => {
    for (const [from, nights] of [
      ["2026-03-06T12:00Z", ["2026-03-07T07:00Z", "2026-03-08T07:00Z", "2026-03-09T06:00Z"]],
      ["2026-10-30T12:00Z", ["2026-10-31T06:00Z", "2026-11-01T07:00Z", "2026-11-02T07:00Z"]],
    ] as const) {
      let handled = dueSchedules({}, [NIGHTLY], Date.parse(from)).handled;
      const runs: number[] = [];
      for (let minute = 0; minute < 3 * 1_440; minute += 10) {
        const decided = dueSchedules(handled, [NIGHTLY], Date.parse(from) + minute * 60_000);
        handled = decided.handled;
        runs.push(...decided.due.map(({ at }) => Date.parse(at)));
      }
      expect(runs).toEqual(nights.map((each) => Date.parse(each)));
    }
  });

  it("counts a schedule from when it is first seen: nothing is caught up from before", () => {
    const at = Date.parse("2026-04-08T00:00Z");
    const { handled, due } = dueSchedules({}, [SUNDAYS, NIGHTLY], at);
    expect(due).toEqual([]);
    expect(handled).toEqual({ [scheduleKey(SUNDAYS)]: at, [scheduleKey(NIGHTLY)]: at });
  });

  it("forgets a schedule that the spec no longer has", () => {
    const at = Date.parse("2026-04-08T00:00Z");
    const both = dueSchedules({}, [SUNDAYS, NIGHTLY], at).handled;
    expect(Object.keys(dueSchedules(both, [NIGHTLY], at).handled)).toEqual([scheduleKey(NIGHTLY)]);
  });

  it.each([
    [30, 1],
    [90, 0],
  ])("without catch_up, a time seen %d minutes late is due %d times", (minutes, times) => {
    const schedule = { ...SUNDAYS, catch_up: false };
    const handled = { [scheduleKey(schedule)]: Date.parse("2026-03-29T05:00Z") };
    const at = Date.parse("2026-04-05T06:00Z") + minutes * 60_000;
    expect(dueSchedules(handled, [schedule], at).due).toHaveLength(times);
    expect(dueSchedules(dueSchedules(handled, [schedule], at).handled, [schedule], at).due).toEqual([]);
  });

  it("does not stand still for years after a clock that ran ahead was set right", () => {
    const at = Date.parse("2026-04-08T00:00Z");
    const ahead = dueSchedules({}, [NIGHTLY], Date.parse("2035-01-01T00:00Z")).handled;
    const corrected = dueSchedules(ahead, [NIGHTLY], at);
    expect(corrected.due).toEqual([]);
    expect(dueSchedules(corrected.handled, [NIGHTLY], at + DAY_MS).due).toHaveLength(1);
  });
});

describe("when a forecaster has to be looked at again", () => {
  const at = Date.parse("2026-04-08T00:00Z");
  const scheduled = specWith({ schedule: [SUNDAYS, NIGHTLY] });

  it("never, where nothing waits and nothing is scheduled", () => {
    expect(nextLook(initialArbiter("a"), specWith(), at)).toBeNull();
  });

  it("at once for a schedule that is new, then when the next of them comes", () => {
    expect(nextLook(initialArbiter("a"), scheduled, at)).toBe(at);
    const { handled } = dueSchedules({}, scheduled.trigger.schedule, at);
    const next = nextLook({ schedules: handled, pending: null }, scheduled, at);
    expect(next).toBe(Date.parse("2026-04-08T06:00Z"));
    expect(nextScheduled(scheduled.trigger.schedule, at)).toEqual({
      cron: NIGHTLY.cron,
      zone: NIGHTLY.zone,
      at: "2026-04-08T06:00:00.000Z",
    });
  });

  it("at once, while a time that came was not dealt with", () => {
    const { handled } = dueSchedules({}, scheduled.trigger.schedule, at);
    expect(nextLook({ schedules: handled, pending: null }, scheduled, at + 3 * DAY_MS)).toBeLessThan(
      at + 3 * DAY_MS,
    );
  });
});
