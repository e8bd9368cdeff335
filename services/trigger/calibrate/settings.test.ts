import { describe, expect, it } from "vitest";
import type { CalibratedDetector } from "../../../shared/contracts/calibration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import { alarmsOf } from "../../../shared/statistics/alarms.ts";
import { evaluate, isDue } from "../decide.ts";
import { type Batch, newestMs, readObservations } from "../monitor/monitor.ts";
import { arrivalsOf } from "../simulate/arrivals.ts";
import { withSettings } from "../simulate/settings.ts";
import { initialMonitor } from "../state.ts";
import { budgetOf, detectorBudget, heardDetectors } from "./budget.ts";
import { hourly, recorded, seasonal } from "./calibrate.fixture.ts";
import { settingsFor } from "./settings.ts";
import { calibrateDetector } from "./threshold.ts";

const budget = "4 per 15d";
const EVALUATIONS_PER_BUDGET = 60;
const COOL_DOWN = 8;
const windows = { on: "values", recent: "2d", reference: "8d", seasonal: true } as const;
const spec = hourly({
  mean_shift: { enabled: true, ...windows, threshold: 0.1 },
  drift: { enabled: true, min_severity: "low", ...windows },
});

function calibrated(values: readonly number[], nowMs = 0): CalibratedDetector[] {
  const made = { budget: detectorBudget(budgetOf(budget), spec), codeVersion: "test", nowMs };
  return heardDetectors(spec).map((name) => calibrateDetector(name, recorded(values), spec, made));
}

/** Alarms of the whole spec on a series as it comes in, per budget's time. */
function alarmRate(values: readonly number[], of: ForecasterSpec): number {
  const messages = recorded(values).observations.map((record, i) => {
    const atMs = Date.parse(record.ts);
    const observation: Batch<typeof record> = { sequence: i + 1, latestMs: atMs, records: [record] };
    return { atMs, observation };
  });
  let monitor = initialMonitor(of.forecaster);
  const fired: boolean[] = [];
  for (const { observations } of arrivalsOf(messages, of)) {
    monitor = readObservations(monitor, observations, of);
    if (!isDue(monitor, of)) continue;
    const nowMs = newestMs(monitor)!;
    monitor = { ...monitor, evaluated_at: nowMs };
    const { report } = evaluate({ spec: of, monitor, nowMs, inputs: EvaluationInputs.parse({}) });
    if (report.detectors.every((each) => each.fired !== null)) fired.push(report.should_optimize);
  }
  return (alarmsOf(fired, COOL_DOWN).length * EVALUATIONS_PER_BUDGET) / fired.length;
}

describe("a calibrated spec (A-FUT-3)", { timeout: 60_000 }, () => {
  const values = seasonal(3, 60 * 24, 0.5);
  const detectors = calibrated(values);
  const next = withSettings(spec, settingsFor(spec, { budget, detectors, trial: false }));

  it("keeps the budget with all its detectors together, where the defaults do not", () => {
    const later = seasonal(101, 150 * 24, 0.5);
    expect(alarmRate(later, next)).toBeLessThanOrEqual(4);
    expect(alarmRate(later, next)).toBeGreaterThan(0);
    expect(alarmRate(later, spec)).toBeGreaterThan(6);
  });

  it("has each threshold in its place, its evidence, and the budget", () => {
    const [drift, shift] = detectors;
    expect(next.trigger.drift.p_value).toBe(drift!.calibrated);
    expect(next.trigger.mean_shift.threshold).toBe(shift!.calibrated);
    expect(next.trigger.false_alarms).toBe(budget);
    expect(next.trigger.calibration).toEqual([drift!.evidence, shift!.evidence]);
    expect(next.trigger.calibration.map((each) => each.budget)).toEqual(["4 per 30d", "4 per 30d"]);
  });

  it("stays as it is when the same calibration comes again, later and by another version", () => {
    const again = detectors.map((each) => ({
      ...each,
      evidence: { ...each.evidence!, calibrated_at: "2030-01-01T00:00:00.000Z", code_version: "next" },
    }));
    expect(withSettings(next, settingsFor(next, { budget, detectors: again, trial: false }))).toEqual(next);
    const better = again.map((each) => ({ ...each, evidence: { ...each.evidence, replicates: 999 } }));
    const changed = withSettings(next, settingsFor(next, { budget, detectors: better, trial: false }));
    expect(changed.trigger.calibration).toEqual(better.map(({ evidence }) => evidence));
  });

  it("takes nothing from detectors that were not calibrated", () => {
    const none = detectors.map((each) => ({ ...each, verdict: "insufficient" as const }));
    expect(settingsFor(spec, { budget, detectors: none, trial: false })).toEqual([]);
  });
});
