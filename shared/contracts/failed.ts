import { z } from "zod";
import { StepData } from "./envelope.ts";

/** `retrain.failed.<forecaster>.<run>`: any service, at the stage it was in. The champion stays. */
export const Failed = StepData.extend({
  stage: z.enum(["search", "validation", "trial", "deployment", "watch"]),
  cause: z.string(),
  will_retry: z.boolean(),
});
export type Failed = z.infer<typeof Failed>;
