import { z } from "zod";
import { Evidence, StepData } from "./envelope.ts";
import { SEVERITIES } from "./spec-detectors.ts";
import { Token } from "./subjects.ts";

export const ACTIONS = ["search", "refit", "reweigh"] as const;
export const PRIORITIES = ["low", "medium", "high"] as const;

/** `retrain.request`: please. Empty or `{}` means every forecaster; a bare id is understood too. (K-4) */
export const RetrainRequest = z.looseObject({
  forecaster: Token.optional(),
  reason: z.string().max(1000).optional(),
  priority: z.enum(PRIORITIES).optional(),
  requested_by: z.string().max(200).optional(),
  action: z.enum(ACTIONS).default("search"),
});
export type RetrainRequest = z.infer<typeof RetrainRequest>;

/** One detector's figures. `fired` is null where it cannot tell, and `reason` says why. */
export const DetectorResult = z.object({
  detector: z.enum(["performance", "drift", "time"]),
  fired: z.boolean().nullable(),
  severity: z.enum(SEVERITIES).optional(),
  reason: z.string(),
  figures: z.record(z.string(), z.union([z.number(), z.string(), z.null()])),
  thresholds: z.record(z.string(), z.union([z.number(), z.string()])),
});
export type DetectorResult = z.infer<typeof DetectorResult>;

/** `retrain.evaluated.<forecaster>`: the TriggerReport, also when the answer is no. (A-TRG-4) */
export const Evaluated = z.looseObject({
  forecaster: Token,
  caused_by: z.array(z.int().nonnegative()),
  should_optimize: z.boolean(),
  reasons: z.array(z.string()),
  detectors: z.array(DetectorResult),
  evidence: Evidence,
});
export type Evaluated = z.infer<typeof Evaluated>;

export const Accepted = StepData.extend({
  cause: z.enum(["manual", "trigger", "first-deployment", "schedule"]),
  action: z.enum(ACTIONS),
  priority: z.enum(PRIORITIES),
  reasons: z.array(z.string()),
  requested_by: z.string().optional(),
  coalesced: z.int().nonnegative().describe("further requests that this run answers"),
});
export type Accepted = z.infer<typeof Accepted>;

export const Refused = StepData.extend({
  cause: z.enum(["manual", "trigger", "first-deployment", "schedule"]),
  reason: z.enum(["cool-down", "run-active", "unknown-forecaster", "disabled", "unsupported-action"]),
  message: z.string(),
  active_run: z.string().optional(),
  coalesced: z.int().nonnegative(),
});
export type Refused = z.infer<typeof Refused>;
