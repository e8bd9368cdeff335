import { z } from "zod";
import { Duration } from "./duration.ts";

export const SEVERITIES = ["low", "medium", "high"] as const;
export type Severity = (typeof SEVERITIES)[number];

const Performance = z.strictObject({
  enabled: z.boolean().default(true),
  recent: Duration.default("14d"),
  baseline: Duration.default("60d"),
  threshold: z
    .number()
    .positive()
    .default(0.15)
    .describe("RMSE(recent) / RMSE(baseline) - 1 at which it fires"),
  min_scores: z
    .int()
    .positive()
    .default(20)
    .describe("scores needed in the recent window, else insufficient"),
});

const Drift = z.strictObject({
  enabled: z.boolean().default(true),
  on: z
    .enum(["errors", "values", "changes"])
    .default("errors")
    .describe("one-step errors, observed values, or their first differences"),
  recent: Duration.default("14d"),
  reference: Duration.default("60d").describe("the time before the recent window it is compared with"),
  p_value: z.number().gt(0).lt(1).default(0.05),
  min_severity: z.enum(SEVERITIES).default("medium"),
  severity_at: z
    .strictObject({
      low: z.number().default(0.1),
      medium: z.number().default(0.2),
      high: z.number().default(0.35),
    })
    .prefault({})
    .describe("Kolmogorov-Smirnov distance D from which a severity holds"),
  min_points: z.int().min(5).default(8).describe("points needed in each sample, else insufficient"),
});

const Time = z.strictObject({ enabled: z.boolean().default(true), max_age: Duration.default("14d") });

/** The detectors a spec may set, each under its name. (A-TRG-1..3) */
export const DETECTOR_SPECS = {
  performance: Performance.prefault({}),
  drift: Drift.prefault({}),
  time: Time.prefault({}),
};
