import { describe, expect, it } from "vitest";
import type { Calibration } from "../../../shared/contracts/spec-detectors.ts";
import type { RecordedEvent } from "../simulate/recording.ts";
import { budgetOf, budgetText, detectorBudget } from "./budget.ts";
import { hourly } from "./calibrate.fixture.ts";
import { poissonTail } from "./poisson.ts";
import { alarmsSince } from "./since.ts";

const DAY_MS = 86_400_000;
const three = { psi: { enabled: true }, wasserstein: { enabled: true }, mean_shift: { enabled: true } };

describe("a detector's part of a budget (A-FUT-3)", () => {
  it.each<[string, Parameters<typeof hourly>[0], string]>([
    ["any of 3: a third", three, "1 per 270d"],
    [
      "any of 3 beside one that goes by the clock: a third",
      { ...three, time: { enabled: true } },
      "1 per 270d",
    ],
    ["all of 3: the whole", { ...three, combine: "all" }, "1 per 90d"],
    ["2 of 3: two thirds", { ...three, combine: { at_least: 2 } }, "1 per 135d"],
    [
      "2 of 4, one of which may fire all the time: a third",
      { ...three, time: { enabled: true }, combine: { at_least: 2 } },
      "1 per 270d",
    ],
    [
      "of those named alone",
      { ...three, combine: { at_least: 1, of: ["psi", "wasserstein"] } },
      "1 per 180d",
    ],
    ["more than there are: the whole", { ...three, combine: { at_least: 5 } }, "1 per 90d"],
  ])("%s", (_, trigger, part) => {
    expect(budgetText(detectorBudget(budgetOf("1 per 90d"), hourly(trigger)))).toBe(part);
  });
});

describe("the chance of so many alarms", () => {
  // Sums of e^-m m^k / k! over 400 terms, in Python's fsum.
  it.each([
    [0, 3, 1],
    [1, 0, 0],
    [1, 0.5, 0.3934693402873666],
    [3, 1, 0.08030139707139416],
    [8, 10, 0.7797793533983011],
    [40, 10, 7.341636314560471e-13],
    [100, 80, 0.01710831303513313],
  ])("P(N >= %d) at %d expected", (count, mean, p) => {
    expect(Math.abs(poissonTail(count, mean) - p)).toBeLessThanOrEqual(1e-12 * p);
  });

  it("refuses half an alarm", () => {
    expect(() => poissonTail(0.5, 1)).toThrow("a Poisson count is whole");
  });
});

describe("alarms since a calibration", () => {
  const spec = hourly({ evaluate_every: "1d", cooldown: "3d" });
  const stored: Calibration = {
    detector: "mean_shift",
    budget: "1 per 30d",
    threshold: 2,
    method: "seasonal block bootstrap",
    replicates: 20,
    from: "2025-01-01T00:00:00Z",
    to: "2025-02-01T00:00:00Z",
    measured: 0.5,
    code_version: "test",
  };

  function evaluated(day: number, statistic: number | null, confirms = true): RecordedEvent {
    const detector = {
      ...{ detector: "mean_shift", fired: false, reason: "", statistic, threshold: 9 },
      ...{ figures: {}, thresholds: {} },
    };
    const data = {
      ...{ forecaster: "a", caused_by: [], should_optimize: false, reasons: [], detectors: [detector] },
      evidence: { code_version: "t", inputs: { confirms } },
    };
    const time = new Date(Date.parse(stored.to) + day * DAY_MS).toISOString();
    const event = { specversion: "1.0", id: "x", source: "t", type: "t", subject: "a", time, data } as const;
    return { sequence: 1, storedMs: 0, subject: "retrain.evaluated.a", event };
  }
  const days = (count: number, statistic: (day: number) => number | null) =>
    Array.from({ length: count }, (_, i) => evaluated(i + 1, statistic(i + 1)));

  it("count at the stored threshold, once a cool-down, whatever was in force", () => {
    const seen = alarmsSince(
      stored,
      days(30, (day) => (day >= 10 && day < 14 ? 3 : 1)),
      spec,
    );
    expect(seen).toMatchObject({ verdict: "within", days: 30, alarms: 2, expected: 1 });
    expect(seen.p_value).toBeCloseTo(1 - 2 / Math.E, 12);
  });

  it("break the budget where so many are unlikely", () => {
    const seen = alarmsSince(
      stored,
      days(30, (day) => (day % 5 === 0 ? 2 : 0)),
      spec,
    );
    expect(seen).toMatchObject({ verdict: "broken", alarms: 6, expected: 1 });
    expect(seen.p_value).toBeLessThan(0.001);
  });

  it("leave out what could not tell, what somebody asked for, what came before, and a long silence", () => {
    const events = [
      evaluated(-5, 9),
      evaluated(1, null),
      evaluated(2, 9, false),
      evaluated(3, 1),
      evaluated(60, 1),
    ];
    expect(alarmsSince(stored, events, spec)).toMatchObject({ alarms: 0, days: 2 + 4, verdict: "within" });
  });

  it("are unknown where nothing was evaluated", () => {
    expect(alarmsSince(stored, [evaluated(1, null)], spec)).toMatchObject({ verdict: "unknown", p_value: 1 });
  });
});
