import { z } from "zod";
import { RunId, type Step, Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** CloudEvents 1.0 in JSON structured mode. `id` is the attempt id: two attempts at one step differ in it. */
export const CloudEvent: z.ZodType<CloudEvent> = z.looseObject({
  specversion: z.literal("1.0"),
  id: z.uuid(),
  source: z.string().min(1).describe("service and instance, such as retune/trigger/host-1234"),
  type: z.string().min(1).describe("dev.retune.<subject without ids>"),
  subject: z.string().min(1).describe("the forecaster, rule or test it is about"),
  time: Timestamp,
  data: z.unknown(),
});
export interface CloudEvent<D = unknown> {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly data: D;
}

/** Figures, thresholds, config revision, stream range and code version a decision was made from. */
export const Evidence = z.looseObject({ code_version: z.string() });
export type Evidence = z.infer<typeof Evidence>;

/** What the data of every step of a run carries. */
export const StepData = z.looseObject({
  run_id: RunId,
  forecaster: Token,
  caused_by: z.array(z.int().nonnegative()).describe("sequences in DECISIONS of the messages that led here"),
  evidence: Evidence,
});
export type StepData = z.infer<typeof StepData>;

/** CloudEvents type of a step. */
export function stepType(step: Step | "evaluated"): string {
  return `dev.retune.retrain.${step}`;
}
