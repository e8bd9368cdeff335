import { z } from "zod";
import { StepData } from "./envelope.ts";
import { Candidate } from "./optimizer.ts";
import { Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** Champion and challenger on the same targets: only pairs scored for both count. */
export const ShadowComparison = z.object({
  pairs: z.int().nonnegative(),
  champion_rmse: z.number().nullable(),
  challenger_rmse: z.number().nullable(),
  champion_coverage: z.number().nullable(),
  challenger_coverage: z.number().nullable(),
  improvement: z.number().nullable().describe("1 - challenger RMSE / champion RMSE"),
});
export type ShadowComparison = z.infer<typeof ShadowComparison>;

export const Trialled = StepData.extend({
  stage: z.literal("shadow"),
  outcome: z.enum(["promote", "keep-champion", "insufficient"]),
  comparison: ShadowComparison,
  candidate: Candidate,
  started_at: Timestamp,
  ended_at: Timestamp,
});
export type Trialled = z.infer<typeof Trialled>;

export const AbTest = z.looseObject({
  test: Token,
  forecaster: Token,
  description: z.string().max(1000).optional(),
  challenger: Candidate,
  started_at: Timestamp,
  ends_at: Timestamp,
  min_scores: z.int().positive(),
  status: z.enum(["running", "completed", "stopped"]),
  run_id: z.string().optional().describe("set where the test is the shadow stage of a run"),
});
export type AbTest = z.infer<typeof AbTest>;

export const AbTestEvent = z.looseObject({
  test: AbTest,
  comparison: ShadowComparison,
  caused_by: z.array(z.int().nonnegative()),
});

/** Request of `ab-tester.create`. */
export const AbTestCreate = z.object({
  test: Token,
  forecaster: Token,
  description: z.string().max(1000).optional(),
  challenger: Candidate,
  duration: z.string().default("7d"),
  min_scores: z.int().positive().default(20),
});
export const AbTestRef = z.object({ test: Token });
