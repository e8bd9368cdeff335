import { z } from "zod";
import { StepData } from "../../../shared/contracts/envelope.ts";
import { Searched } from "../../../shared/contracts/optimizer.ts";
import { foldRun, type RunSummary } from "../../../shared/contracts/run.ts";
import { Accepted } from "../../../shared/contracts/trigger.ts";
import { median } from "../../../shared/statistics/sample.ts";
import type { AskedFor, RunStep } from "./play.ts";
import type { RecordedEvent, Recording } from "./recording.ts";

/** A run as it went, by the times its events carry. */
export interface RecordedRun {
  readonly run: string;
  readonly atMs: number;
  readonly accepted: Accepted;
  /** Terminal step; the newest one while it is on. */
  readonly outcome: string;
  /** What its search took, null where none was completed. */
  readonly seconds: number | null;
  /** What it did after it was accepted, by the times of its events. */
  readonly steps: readonly RunStep[];
}

const Answered = z.looseObject({
  cause: Accepted.shape.cause,
  requested_by: Accepted.shape.requested_by,
  reasons: Accepted.shape.reasons.optional(),
});

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

/** What people asked for, by the time it was answered; copies that were answered together are one. */
export function askedFor({ events }: Pick<Recording, "events">): AskedFor[] {
  return events.flatMap(({ subject, event }): AskedFor[] => {
    const { data } = Answered.safeParse(event.data);
    const isAnswer = /^retrain\.(accepted|refused)\./.test(subject);
    if (!isAnswer || data?.cause !== "manual") return [];
    return [{ atMs: Date.parse(event.time), requested_by: data.requested_by, reason: data.reasons?.[0] }];
  });
}

/** The median of what their searches took, in seconds; null where none was completed. */
export function medianSeconds(runs: readonly Pick<RecordedRun, "seconds">[]): number | null {
  const known = runs.flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
  return known.length === 0 ? null : median(known);
}

function summary({ run_id, steps, state }: RunSummary): RecordedRun | undefined {
  const first = steps.find(({ step }) => step === "accepted");
  const accepted = Accepted.safeParse(first?.data);
  if (first === undefined || !accepted.success) return undefined;
  const searched = Searched.safeParse(steps.find(({ step }) => step === "searched")?.data);
  return {
    run: run_id,
    atMs: Date.parse(first.time),
    accepted: accepted.data,
    outcome: state,
    seconds: searched.success ? searched.data.optimization_time_seconds : null,
    steps: steps.flatMap(({ step, time }) => (step === "accepted" ? [] : [{ step, atMs: Date.parse(time) }])),
  };
}
