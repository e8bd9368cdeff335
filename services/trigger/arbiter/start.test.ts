import { describe, expect, it } from "vitest";
import type { Accepted } from "../../../shared/contracts/trigger.ts";
import type { Wish } from "../state.ts";
import { specWith } from "./arbiter.fixture.ts";
import { openedBy, startOf } from "./start.ts";

const SUNDAY_NIGHTS = { days: ["sun"], from: "22:00", to: "02:00" };
const OFFICE_HOURS = { days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "18:00" };
const { trigger: plain } = specWith();
const { trigger: windowed } = specWith({ maintenance: [SUNDAY_NIGHTS] });
const { trigger: calm } = specWith({ quiet: [OFFICE_HOURS] });
const { trigger: both } = specWith({ maintenance: [{ from: "12:00", to: "20:00" }], quiet: [OFFICE_HOURS] });
const { trigger: clash } = specWith({ maintenance: [OFFICE_HOURS], quiet: [OFFICE_HOURS] });
const WEDNESDAY_NOON = "2026-04-08T12:00:00.000Z";

type Row = [string, typeof plain, Accepted["cause"], Accepted["priority"], string | null, Accepted["window"]];

describe("when a wish of Wednesday noon may start (C-FLT-1)", () => {
  it.each<Row>([
    ["low, without windows: at once", plain, "trigger", "low", WEDNESDAY_NOON, undefined],
    ["medium, without windows: at once", plain, "trigger", "medium", WEDNESDAY_NOON, undefined],
    ["low: in the window", windowed, "trigger", "low", "2026-04-12T22:00:00.000Z", "maintenance"],
    ["medium: within 24 h", windowed, "trigger", "medium", "2026-04-09T12:00:00.000Z", "deadline"],
    ["high: at once", windowed, "trigger", "high", WEDNESDAY_NOON, undefined],
    ["a schedule: at once, whatever the window", windowed, "schedule", "medium", WEDNESDAY_NOON, undefined],
    ["a first deployment: at once", windowed, "first-deployment", "medium", WEDNESDAY_NOON, undefined],
    ["a person: at once", windowed, "manual", "low", WEDNESDAY_NOON, undefined],
    ["high: when it is quiet no longer", calm, "trigger", "high", "2026-04-08T18:00:00.000Z", "quiet-over"],
    ["a schedule, as well", calm, "schedule", "medium", "2026-04-08T18:00:00.000Z", "quiet-over"],
    ["a person: at once, quiet or not", calm, "manual", "medium", WEDNESDAY_NOON, undefined],
    [
      "low: in the part of the window that is not quiet",
      both,
      "trigger",
      "low",
      "2026-04-08T18:00:00.000Z",
      "maintenance",
    ],
    ["low: never, where the window is quiet", clash, "trigger", "low", null, undefined],
    [
      "medium: its deadline, moved out of the quiet",
      clash,
      "trigger",
      "medium",
      "2026-04-09T18:00:00.000Z",
      "deadline",
    ],
  ])("%s", (_, timing, cause, priority, expected, window) => {
    const startMs = startOf(wish(cause, priority), timing, Date.parse(WEDNESDAY_NOON));
    expect(startMs).toBe(expected === null ? null : Date.parse(expected));
    if (startMs === null) return;
    expect(startOf(wish(cause, priority), timing, startMs)).toBe(startMs);
    expect(openedBy(wish(cause, priority), timing, startMs)).toBe(window);
  });
});

function wish(cause: Accepted["cause"], priority: Accepted["priority"]): Wish {
  return {
    cause,
    action: "search",
    priority,
    reasons: [],
    caused_by: [],
    coalesced: 0,
    since: WEDNESDAY_NOON,
    origin: "1",
    stored_at: 0,
  };
}
