import { z } from "zod";
import { StepData } from "./envelope.ts";
import { BacktestMetrics, Candidate } from "./optimizer.ts";

export const Criterion = z.object({
  name: z.enum(["improvement", "stability", "inference-time", "coverage", "bias"]),
  passed: z.boolean(),
  value: z.number().nullable(),
  limit: z.string(),
  reason: z.string(),
});
export type Criterion = z.infer<typeof Criterion>;

/** ValidationReport: data of `approved`, `rejected` and `held`. (A-VAL-7) */
export const Validated = StepData.extend({
  approved: z.boolean(),
  first_deployment: z.boolean(),
  candidate: Candidate,
  champion: Candidate.extend({ version: z.int().positive() }).nullable(),
  champion_revision: z
    .int()
    .nonnegative()
    .describe("revision of live-configs compared with; 0 where there was none"),
  candidate_metrics: BacktestMetrics.extend({ inference_ms: z.number().nonnegative() }).nullable(),
  champion_metrics: BacktestMetrics.extend({ inference_ms: z.number().nonnegative() }).nullable(),
  criteria: z.array(Criterion),
  reasons: z.array(z.string()),
  search_iterations: z.int().nonnegative(),
  optimization_time_seconds: z.number().nonnegative(),
});
export type Validated = z.infer<typeof Validated>;
