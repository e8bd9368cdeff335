import type { KvBucket } from "../../../shared/bus/kv.ts";
import type { CloudEvent, StepData } from "../../../shared/contracts/envelope.ts";
import { foldRun, type RunSummary } from "../../../shared/contracts/run.ts";
import { parseStepSubject } from "../../../shared/contracts/subjects.ts";
import { StaleStateError } from "../../../shared/errors.ts";
import type { ServiceContext } from "../../../shared/service.ts";
import { StoredRun } from "../state.ts";

/** A message may have 1 MiB; a search of thousands of trials does not fit in beside its run's other steps. */
const MAX_BYTES = 900_000;

export interface StoredStep {
  readonly subject: string;
  readonly sequence: number;
  readonly event: CloudEvent<StepData>;
}

/** Folds the steps of runs into bucket `runs`, one value a run: what consoles read. The stream stays the truth. */
export class RunProjection {
  private readonly bucket: KvBucket<RunSummary>;

  constructor({ bus }: Pick<ServiceContext, "bus">) {
    this.bucket = bus.kv("runs", StoredRun);
  }

  /** Idempotent: steps that were folded before, by this process or another, change nothing. */
  async fold(steps: readonly StoredStep[]): Promise<void> {
    const runs = Map.groupBy(steps, ({ subject }) => parseStepSubject(subject)?.run);
    for (const [run, each] of runs) if (run !== undefined) await this.foldOne(run, each);
  }

  private async foldOne(run: string, steps: readonly StoredStep[]): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const entry = await this.bucket.get(run);
      const next = steps.reduce<RunSummary | undefined>(foldRun, entry?.value);
      if (next === undefined || next === entry?.value) return;
      try {
        await this.bucket.update(run, fitting(next), entry?.revision ?? 0);
        return;
      } catch (error) {
        if (!(error instanceof StaleStateError) || tries >= 20) throw error;
      }
    }
  }
}

/** The run without its trial table where that makes it too big for a message. */
function fitting(run: RunSummary): RunSummary {
  if (JSON.stringify(run).length <= MAX_BYTES) return run;
  const steps = run.steps.map((each) =>
    each.step === "searched" ? { ...each, data: { ...each.data, trials: [], trials_left_out: true } } : each,
  );
  return { ...run, steps };
}
