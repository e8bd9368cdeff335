import type { Progress, TrialResult } from "../../shared/contracts/optimizer.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { selectBest } from "./select.ts";
import { phaseOf, plannedTrials, type Study } from "./state.ts";

const EVERY_MS = 200;

/** How far a study is. `total` counts the first search's trials, in the fallback those it had done and the new ones. */
export function progressOf(
  study: Study,
  results: ReadonlyMap<number, TrialResult>,
  timeMs: number,
): Progress {
  const phase = phaseOf(study);
  const planned = plannedTrials(study);
  const done = planned.flatMap(({ number }) => results.get(number) ?? []);
  const open = planned.filter((trial) => trial.phase === phase && !results.has(trial.number)).length;
  return {
    run_id: study.run_id,
    forecaster: study.forecaster,
    phase,
    done: done.length,
    total: Math.max(1, done.length + open),
    best_rmse: selectBest(done)?.rmse ?? null,
    time: new Date(timeMs).toISOString(),
  };
}

/** Tells whoever looks on, at most five times a second. */
export class ProgressReporter {
  private readonly context: ServiceContext;
  private lastMs = -Infinity;

  constructor(context: ServiceContext) {
    this.context = context;
  }

  report(study: Study, results: ReadonlyMap<number, TrialResult>, last: boolean): void {
    const nowMs = performance.now();
    if (!last && nowMs - this.lastMs < EVERY_MS) return;
    this.lastMs = nowMs;
    const { bus, clock } = this.context;
    bus.publishCore(
      subjects.progress(study.forecaster, study.run_id),
      progressOf(study, results, clock.now()),
    );
  }
}
