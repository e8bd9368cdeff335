import { type Progress, TrialResult } from "../../shared/contracts/optimizer.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { progressOf } from "./progress.ts";
import { standingOf } from "./standing.ts";
import { taskKey } from "./state.ts";
import { studies } from "./study.ts";

export interface OptimizerStatus {
  readonly studies: readonly (Progress & {
    readonly started_at: string;
    readonly fell_back_because: string | null;
  })[];
}

/** Every search that goes on, whichever optimizer leads it: read from the bus, so any instance can answer. */
export async function optimizerStatus(
  context: Pick<ServiceContext, "bus" | "clock">,
): Promise<OptimizerStatus> {
  const results = context.bus.kv("states", TrialResult);
  const open = await studies(context).entries("study.*");
  return {
    studies: await Promise.all(
      open.map(async ({ value: study }) => {
        const done = await results.entries(`trial.${study.run_id}.>`);
        const standing = standingOf(study, new Map(done.map(({ value }) => [taskKey(value), value])));
        return {
          ...progressOf(study, standing, context.clock.now()),
          started_at: new Date(study.started_at_ms).toISOString(),
          fell_back_because: study.fallback?.because ?? null,
        };
      }),
    ),
  };
}
