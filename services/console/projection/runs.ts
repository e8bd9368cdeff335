import type { CloudEvent, StepData } from "../../../shared/contracts/envelope.ts";
import { foldRun, type RunSummary } from "../../../shared/contracts/run.ts";
import type { Step } from "../../../shared/contracts/subjects.ts";
import { optimizationSeconds } from "../metrics.ts";
import { shortRun } from "../words/format.ts";
import { stepWords } from "../words/steps.ts";
import type { RunView } from "./view.ts";

const KEPT = 500;

/** The newest 500 runs, and counters over every run ever folded. A run that is not over is never let go. */
export class RunList {
  readonly outcomes = new Map<string, { forecaster: string; outcome: Step; count: number }>();
  readonly steps = new Map<Step, number>();
  optimizations = 0;
  optimizationSeconds = 0;
  private readonly runs = new Map<string, RunSummary>();

  get(runId: string): RunSummary | undefined {
    return this.runs.get(runId);
  }

  /** Oldest first. */
  all(): IterableIterator<RunSummary> {
    return this.runs.values();
  }

  get size(): number {
    return this.runs.size;
  }

  /** Folds one step; undefined when it changed nothing. */
  fold(
    message: { subject: string; sequence: number; event: CloudEvent<StepData> },
    runId: string,
  ): RunSummary | undefined {
    const before = this.runs.get(runId);
    const after = foldRun(before, message);
    if (after === undefined || after === before) return undefined;
    this.runs.set(runId, after);
    this.count(before, after);
    this.evict();
    return after;
  }

  private count(before: RunSummary | undefined, after: RunSummary): void {
    const step = after.steps.at(-1)!.step;
    this.steps.set(step, (this.steps.get(step) ?? 0) + 1);
    if (step === "searched") {
      const [seconds] = optimizationSeconds(after);
      this.optimizations += 1;
      this.optimizationSeconds += seconds ?? 0;
    }
    if (!after.terminal || before?.terminal) return;
    const key = `${after.forecaster} ${after.state}`;
    const counted = this.outcomes.get(key) ?? {
      forecaster: after.forecaster,
      outcome: after.state,
      count: 0,
    };
    counted.count += 1;
    this.outcomes.set(key, counted);
  }

  private evict(): void {
    if (this.runs.size <= KEPT) return;
    for (const [id, run] of this.runs) {
      if (!run.terminal) continue;
      this.runs.delete(id);
      return;
    }
  }
}

export function runView(run: RunSummary): RunView {
  const { run_id, forecaster, state, terminal, started_at, updated_at } = run;
  return {
    run_id,
    short: shortRun(run_id),
    forecaster,
    state,
    terminal,
    started_at,
    updated_at,
    sequence: run.steps[0]?.sequence ?? 0,
    steps: run.steps.map(({ step, sequence, time, data }) => ({
      step,
      sequence,
      time,
      ...stepWords(step, data),
    })),
  };
}
