import { z } from "zod";
import { Calibration, DETECTORS, FalseAlarmBudget } from "./spec-detectors.ts";
import { Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** What `retune calibrate` asks of the calibrator, which runs in a process of its own: JSON on its stdin. */
export const CalibrationRequest = z.strictObject({
  mode: z
    .enum(["calibrate", "check"])
    .default("calibrate")
    .describe("check: whether the thresholds that were calibrated before still hold"),
  forecasters: z.array(Token).optional().describe("absent: all that have a budget"),
  budget: FalseAlarmBudget.optional().describe("instead of the specs' trigger.false_alarms"),
  from: Timestamp.optional().describe("first time of history that is used"),
  to: Timestamp.optional().describe("exclusive"),
  file: z.string().optional().describe("observations from a CSV or Parquet file instead of the recording"),
  history: z.string().optional().describe("folder of the inference-buffer's history; absent: <data>/history"),
  apply: z.boolean().default(false).describe("write the thresholds into the specs"),
  trial: z.boolean().default(false).describe("as settings on trial, beside those in force"),
});
export type CalibrationRequest = z.infer<typeof CalibrationRequest>;

const Setting = z.union([z.number(), z.string()]);

/** One enabled detector and its threshold. */
export const CalibratedDetector = z.object({
  detector: z.enum(DETECTORS),
  verdict: z
    .enum(["calibrated", "insufficient", "not-calibrated"])
    .describe("insufficient: too little history; not-calibrated: no threshold of it can be set this way"),
  reason: z.string().optional().describe("why there is no threshold"),
  setting: z.string().optional().describe("path in the spec"),
  now: Setting.optional().describe("the setting in force"),
  calibrated: Setting.optional(),
  history: z
    .object({ from: Timestamp, to: Timestamp, steps: z.int().positive() })
    .optional()
    .describe("telemetry of what it looks at"),
  evidence: Calibration.optional(),
});
export type CalibratedDetector = z.infer<typeof CalibratedDetector>;

/** Where the thresholds of a forecaster were written to. */
export const Written = z.object({
  revision: z
    .int()
    .positive()
    .nullable()
    .describe("of the bucket specs; null: it had them, or has no such key"),
  file: z.string().nullable().describe("null: it had them, or there is none"),
  note: z.string().optional(),
});
export type Written = z.infer<typeof Written>;

/** Whether a threshold that was calibrated before still keeps its budget, and where it would be now. */
export const CheckedCalibration = z.object({
  stored: Calibration,
  verdict: z
    .enum(["within", "broken", "unknown"])
    .describe("broken: so many alarms are unlikely at the budget; unknown: nothing was evaluated since"),
  in: z.enum(["force", "trial", "neither"]).describe("where the spec has the threshold now"),
  days: z.number().nonnegative().describe("time the evaluations since `stored.to` speak for"),
  alarms: z
    .int()
    .nonnegative()
    .describe("at the stored threshold, true ones, too; one per cool-down at most"),
  expected: z.number().nonnegative().describe("what the budget allows in that time"),
  p_value: z.number().min(0).max(1).describe("chance of as many or more, exact Poisson test"),
  threshold: z.number().nullable().describe("calibrated anew on all history; null: see reason"),
  moved: z.number().nonnegative().nullable().describe("|threshold / stored threshold - 1|"),
  recalibrate: z.boolean().describe("moved by more than 20 %"),
  reason: z.string().optional().describe("why there is no threshold now"),
});
export type CheckedCalibration = z.infer<typeof CheckedCalibration>;

export const CalibrationReport = z.object({
  mode: z.enum(["calibrate", "check"]),
  applied: z.boolean(),
  trial: z.boolean(),
  code_version: z.string(),
  seconds: z.number().nonnegative().describe("how long it took"),
  notes: z.array(z.string()).describe("what the reader must know before believing the figures"),
  forecasters: z.array(
    z.object({
      forecaster: Token,
      budget: FalseAlarmBudget.nullable().describe(
        "of the forecaster; each detector's evidence has its part",
      ),
      detectors: z.array(CalibratedDetector),
      written: Written.nullable(),
      checked: z.array(CheckedCalibration),
    }),
  ),
});
export type CalibrationReport = z.infer<typeof CalibrationReport>;
