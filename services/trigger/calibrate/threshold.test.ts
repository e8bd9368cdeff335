import { describe, expect, it } from "vitest";
import type { CalibratedDetector } from "../../../shared/contracts/calibration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorName } from "../../../shared/contracts/spec-detectors.ts";
import { alarmsOf } from "../../../shared/statistics/alarms.ts";
import { budgetOf } from "./budget.ts";
import { HOUR_MS, hourly, recorded, seasonal } from "./calibrate.fixture.ts";
import { layOut } from "./history.ts";
import { replay } from "./replay.ts";
import { type Source, sourceOf } from "./source.ts";
import { calibrateDetector } from "./threshold.ts";

const BUDGET = "2 per 15d";
const made = { budget: budgetOf(BUDGET), codeVersion: "test", nowMs: 0 };
const EVALUATIONS_PER_BUDGET = 60;
const COOL_DOWN = 8;

function found(detector: DetectorName, values: readonly number[], spec: ForecasterSpec): number {
  const { evidence, reason } = calibrateDetector(detector, recorded(values), spec, made);
  if (evidence === undefined) throw new Error(reason);
  return evidence.threshold;
}

/** What the detector says about a series as it is. */
function heard(detector: DetectorName, values: readonly number[], spec: ForecasterSpec) {
  const source = sourceOf(detector, spec) as Source;
  const history = layOut(recorded(values), source, spec)!;
  return replay(detector, history, [...history.steps.keys()], source, spec);
}

const windows = { on: "values", recent: "2d", reference: "8d", seasonal: true } as const;
const specs = {
  mean_shift: hourly({ mean_shift: { enabled: true, ...windows } }),
  drift: hourly({ drift: { enabled: true, min_severity: "low", ...windows } }),
  performance: hourly({ performance: { enabled: true, recent: "2d", baseline: "10d" } }),
};

describe("a threshold by a false-alarm budget on AR(1) with a daily season (A-FUT-3)", {
  timeout: 60_000,
}, () => {
  it.each([
    ["mean_shift", 0],
    ["mean_shift", 0.5],
    ["mean_shift", 0.9],
    ["drift", 0.5],
    ["performance", 0.9],
  ] as const)("%s keeps the budget on later series without change, phi = %d", (detector, phi) => {
    const spec = specs[detector];
    let [alarms, evaluations] = [0, 0];
    for (const seed of [1, 2]) {
      const threshold = found(detector, seasonal(seed * 7919, 60 * 24, phi), spec);
      const { statistics } = heard(detector, seasonal(seed * 104_729, 150 * 24, phi), spec);
      alarms += alarmsOf(
        statistics.map((x) => Number(x >= threshold)),
        COOL_DOWN,
      ).length;
      evaluations += statistics.length;
    }
    expect((alarms * EVALUATIONS_PER_BUDGET) / evaluations).toBeLessThanOrEqual(2);
    expect(alarms).toBeGreaterThan(0);
  });

  const slow = { on: "values", recent: "6d", reference: "24d", seasonal: true } as const;
  it.each([
    [0, 2, 60, specs.mean_shift],
    [0.5, 2, 60, specs.mean_shift],
    [0.9, 6, 100, hourly({ mean_shift: { enabled: true, ...slow }, evaluate_every: "12h" })],
  ])(
    "finds a shift of one standard deviation, phi = %d, within twice its window of %d days",
    (phi, recentDays, historyDays, spec) => {
      const threshold = found("mean_shift", seasonal(31, historyDays * 24, phi), spec);
      const changeAt = 40 * 24;
      const { atMs, statistics } = heard("mean_shift", seasonal(37, 60 * 24, phi, { changeAt }), spec);
      const changedMs = atMs[0]! - startOf(spec) + changeAt * HOUR_MS;
      const first = statistics.findIndex((x, i) => x >= threshold && atMs[i]! >= changedMs);
      expect(first).toBeGreaterThan(-1);
      const delayHours = (atMs[first]! - changedMs) / HOUR_MS;
      expect(delayHours).toBeLessThanOrEqual(2 * 24 * recentDays);
    },
  );
});

describe("a calibrated detector", () => {
  const detector = "mean_shift";
  const spec = specs.mean_shift;
  const values = seasonal(5, 40 * 24, 0.3);
  const calibrated = calibrateDetector(detector, recorded(values), spec, made);

  it("comes with all it was made from, and the same for the same history", () => {
    expect(calibrated).toMatchObject({
      verdict: "calibrated",
      setting: "trigger.mean_shift.threshold",
      now: 0.1,
      calibrated: calibrated.evidence!.threshold,
      history: { from: "2025-01-06T00:00:00.000Z", to: "2025-02-14T23:00:00.000Z", steps: 960 },
    });
    expect(calibrated.evidence).toMatchObject({
      budget: "2 per 15d",
      method: "seasonal block bootstrap, blocks of 24 steps, seasons of 24",
      from: calibrated.history!.from,
      to: calibrated.history!.to,
      code_version: "test",
    });
    expect(calibrated.evidence!.measured).toBeGreaterThan(0.8);
    expect(calibrated.evidence!.measured).toBeLessThanOrEqual(1);
    expect(calibrateDetector(detector, recorded(values), spec, made)).toEqual(calibrated);
  });

  const year = { ...made, budget: budgetOf("1 per 3650000d") };
  it.each<[string, CalibratedDetector, string]>([
    [
      "less than three times what it looks at",
      calibrateDetector(detector, recorded(values.slice(0, 29 * 24)), spec, made),
      "29 days of history, 30 days are needed",
    ],
    ["no history", calibrateDetector(detector, recorded([]), spec, made), "nothing it looks at was recorded"],
    [
      "a budget that no history of this length can tell",
      calibrateDetector(detector, recorded(values), spec, year),
      "5 are needed to tell a threshold",
    ],
  ])("is insufficient with %s, never a guess", (_, { verdict, reason, evidence }, why) => {
    expect({ verdict, evidence }).toEqual({ verdict: "insufficient", evidence: undefined });
    expect(reason).toContain(why);
  });

  it.each<[DetectorName, Parameters<typeof hourly>[0], string]>([
    ["time", {}, "clock"],
    ["adwin", {}, "cuts"],
    ["fleet", {}, "fleet"],
    ["performance", { performance: { against: "deployment" } }, "deployment"],
    ["drift", { false_discovery: {} }, "false_discovery"],
  ])("%s says why no threshold of it is set", (name, trigger, why) => {
    const { verdict, reason } = calibrateDetector(name, recorded(values), hourly(trigger), made);
    expect(verdict).toBe("not-calibrated");
    expect(reason).toContain(why);
  });

  it("writes a p-value for drift, on the side of fewer alarms", () => {
    const { calibrated: p, evidence } = calibrateDetector("drift", recorded(values), specs.drift, made);
    expect(-Math.log10(p as number)).toBeGreaterThanOrEqual(evidence!.threshold);
    expect(-Math.log10(p as number)).toBeCloseTo(evidence!.threshold, 2);
  });
});

/** Hours that pass before the first evaluation, ms. */
function startOf(spec: ForecasterSpec): number {
  return (sourceOf("mean_shift", spec) as Source).spanMs;
}
