import type { Progress } from "../../shared/contracts/optimizer.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import type { ServiceContext } from "../../shared/service.ts";
import { selectBest } from "./select.ts";
import type { GenerationStanding } from "./standing.ts";
import { phaseOf, type Study } from "./state.ts";
import { rowsOf } from "./table.ts";

const EVERY_MS = 200;

/**
 * How far a study is. `total` counts the trials of the first search, whether they are planned yet or not; in the fallback
 * those it had done and the new ones.
 */
export function progressOf(study: Study, standing: readonly GenerationStanding[], timeMs: number): Progress {
  const phase = phaseOf(study);
  const trials = standing.flatMap((generation) => generation.trials);
  const done = trials.filter(({ status }) => status !== "open").length;
  const open = trials.filter(({ trial, status }) => trial.phase === phase && status === "open").length;
  return {
    run_id: study.run_id,
    forecaster: study.forecaster,
    phase,
    done,
    total: Math.max(1, phase === "search" ? study.plan.size : done + open),
    best_rmse: selectBest(rowsOf(study, standing))?.rmse ?? null,
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

  /** @param standing is worked out only where it is told */
  report(study: Study, standing: () => readonly GenerationStanding[], last: boolean): void {
    const nowMs = performance.now();
    if (!last && nowMs - this.lastMs < EVERY_MS) return;
    this.lastMs = nowMs;
    const { bus, clock } = this.context;
    bus.publishCore(
      subjects.progress(study.forecaster, study.run_id),
      progressOf(study, standing(), clock.now()),
    );
  }
}
