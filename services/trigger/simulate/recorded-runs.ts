import { StepData } from "../../../shared/contracts/envelope.ts";
import { Searched } from "../../../shared/contracts/optimizer.ts";
import { foldRun, type RunSummary } from "../../../shared/contracts/run.ts";
import { Accepted } from "../../../shared/contracts/trigger.ts";
import { median } from "../../../shared/statistics/sample.ts";
import type { RecordedEvent } from "./recording.ts";

/** A run as it went, by the times its events carry. */
export interface RecordedRun {
  readonly run: string;
  readonly atMs: number;
  readonly accepted: Accepted;
  /** Terminal step, null while it is on. */
  readonly outcome: string | null;
  /** What its search took, null where none was completed. */
  readonly seconds: number | null;
  /** When its config went live, null where it did not. */
  readonly deployedMs: number | null;
}

/** Runs that were accepted, in the order of their acceptance. */
export function recordedRuns(events: readonly RecordedEvent[]): RecordedRun[] {
  const runs = new Map<string, RunSummary>();
  for (const { subject, sequence, event } of events) {
    const data = StepData.safeParse(event.data);
    if (!data.success) continue;
    const run = foldRun(runs.get(data.data.run_id), {
      subject,
      sequence,
      event: { ...event, data: data.data },
    });
    if (run !== undefined) runs.set(run.run_id, run);
  }
  return [...runs.values()].flatMap((run) => summary(run) ?? []);
}

/** The median of what their searches took, in seconds; null where none was completed. */
export function medianSeconds(runs: readonly Pick<RecordedRun, "seconds">[]): number | null {
  const known = runs.flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
  return known.length === 0 ? null : median(known);
}

function summary({ run_id, steps, terminal, state }: RunSummary): RecordedRun | undefined {
  const first = steps.find(({ step }) => step === "accepted");
  const accepted = Accepted.safeParse(first?.data);
  if (first === undefined || !accepted.success) return undefined;
  const searched = Searched.safeParse(steps.find(({ step }) => step === "searched")?.data);
  const deployed = steps.find(({ step }) => step === "deployed");
  return {
    run: run_id,
    atMs: Date.parse(first.time),
    accepted: accepted.data,
    outcome: terminal ? state : null,
    seconds: searched.success ? searched.data.optimization_time_seconds : null,
    deployedMs: deployed === undefined ? null : Date.parse(deployed.time),
  };
}
