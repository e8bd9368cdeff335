import { describe, expect, it } from "vitest";
import { budgetOf } from "./budget.ts";
import { hourly, recorded, seasonal } from "./calibrate.fixture.ts";
import { checkCalibration } from "./check.ts";
import { calibrateDetector } from "./threshold.ts";

const windows = { on: "values", recent: "2d", reference: "8d", seasonal: true } as const;
const spec = hourly({ mean_shift: { enabled: true, ...windows } });
const made = { codeVersion: "test", nowMs: 0 };
const budget = budgetOf("4 per 15d");

/** Calm after ten wild days, and wilder again from hour `wildFrom` on. */
const values = (wildFrom: number) =>
  seasonal(17, 80 * 24, 0.2).map((value, hour) =>
    hour < 240 || hour >= wildFrom ? value + 4 * Math.sin(hour / 100) : value,
  );
const after = (hours: number) => {
  const { scores, observations } = recorded(values(1_200));
  return { scores: scores.slice(240, hours), observations: observations.slice(240, hours) };
};
const stored = calibrateDetector("mean_shift", after(1_200), spec, { ...made, budget }).evidence!;

describe("the re-check of a calibrated threshold (A-FUT-3)", () => {
  it("keeps one that the same history would give again, and leaves out what was left out then", () => {
    const { scores, observations } = recorded(values(1_200).slice(0, 1_200));
    const { moved, recalibrate } = checkCalibration(stored, { scores, observations }, [], spec, made);
    expect({ moved, recalibrate }).toEqual({ moved: 0, recalibrate: false });
  });

  it("advises a new one where history has grown by what would move it more than 20 %", () => {
    const { scores, observations } = recorded(values(1_200));
    const checked = checkCalibration(stored, { scores, observations }, [], spec, made);
    expect(checked.threshold!).toBeGreaterThan(1.2 * stored.threshold);
    expect(checked.moved!).toBeCloseTo(checked.threshold! / stored.threshold - 1, 12);
    expect(checked.recalibrate).toBe(true);
  });

  it("cannot tell where there is too little history by now, and knows where the threshold is", () => {
    const trial = { threshold: stored.threshold };
    const tried = hourly({ mean_shift: { enabled: true, ...windows, trial } });
    const checked = checkCalibration(stored, after(300), [], tried, made);
    expect(checked).toMatchObject({ in: "trial", threshold: null, moved: null, recalibrate: false });
    expect(checked.reason).toContain("30 days are needed");
    expect(checkCalibration(stored, after(300), [], spec, made).in).toBe("neither");
  });
});
