import { z } from "zod";
import { StepData } from "./envelope.ts";
import { BacktestMetrics, Candidate } from "./optimizer.ts";
import { ComparedStrategy } from "./strategy.ts";

export const Criterion = z.object({
  name: z.enum([
    "improvement",
    "stability",
    "inference-time",
    "coverage",
    "bias",
    "vocabulary",
    "references",
    "drawdown",
    "luck",
  ]),
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
  strategies: z
    .array(ComparedStrategy)
    .optional()
    .describe("of a run of action strategy, in place of the metrics: the candidate's first"),
  criteria: z.array(Criterion),
  reasons: z.array(z.string()),
  next_stage: z
    .enum(["trial", "deployment"])
    .optional()
    .describe("of an approved or held run: where it goes once approved; absent in events of older versions"),
  search_iterations: z.int().nonnegative(),
  optimization_time_seconds: z.number().nonnegative(),
});
export type Validated = z.infer<typeof Validated>;

/**
 * Where an approved run goes next, for everybody who acts on it, whatever the spec says by then. An event of an older
 * version does not say it: then the spec of now does, and nothing live means nothing to shadow.
 *
 * @param shadow whether the forecaster's spec asks for a shadow stage now
 */
export function nextStage(
  { next_stage, first_deployment }: Pick<Validated, "next_stage" | "first_deployment">,
  shadow: boolean | undefined,
): "trial" | "deployment" {
  return next_stage ?? (shadow === true && !first_deployment ? "trial" : "deployment");
}
