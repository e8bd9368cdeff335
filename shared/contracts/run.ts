import type { CloudEvent, StepData } from "./envelope.ts";
import { parseStepSubject, type Step, TERMINAL_STEPS } from "./subjects.ts";

/** One step as a run's summary keeps it. `data` is the whole data of the event. */
export interface RunStep {
  readonly step: Step;
  readonly sequence: number; // in DECISIONS
  readonly time: string;
  readonly source: string;
  readonly data: StepData;
}

/** A run folded from its events. */
export interface RunSummary {
  readonly run_id: string;
  readonly forecaster: string;
  readonly state: Step;
  readonly terminal: boolean;
  readonly started_at: string;
  readonly updated_at: string;
  readonly steps: readonly RunStep[];
}

/**
 * Folds one event of DECISIONS into its run. Idempotent: a step already folded changes nothing, so a
 * stream may be read twice. Events of other subjects return the run unchanged.
 */
export function foldRun(
  run: RunSummary | undefined,
  message: { subject: string; sequence: number; event: CloudEvent<StepData> },
): RunSummary | undefined {
  const parts = parseStepSubject(message.subject);
  if (parts === undefined) return run;
  const { step } = parts;
  if (run?.steps.some((known) => known.step === step)) return run;
  const { time, source, data } = message.event;
  const steps = [...(run?.steps ?? []), { step, sequence: message.sequence, time, source, data }];
  const ended = steps.find((each) => TERMINAL_STEPS.includes(each.step));
  return {
    run_id: parts.run,
    forecaster: parts.forecaster,
    state: ended?.step ?? step,
    terminal: ended !== undefined,
    started_at: run?.started_at ?? time,
    updated_at: time,
    steps,
  };
}
