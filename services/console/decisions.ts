import type { Bus } from "../../shared/bus/bus.ts";
import type { Message } from "../../shared/bus/message.ts";
import { type CloudEvent, StepData } from "../../shared/contracts/envelope.ts";
import { foldRun, type RunSummary } from "../../shared/contracts/run.ts";
import { parseStepSubject, RunId } from "../../shared/contracts/subjects.ts";
import { parseEvent } from "../../shared/events.ts";
import type { Cause } from "./words/explain.ts";

/** Only steps of runs: `retrain.request` and `retrain.evaluated.<forecaster>` have fewer tokens. */
const STEPS_OF_RUNS = "retrain.*.*.*";

/** The step a message of DECISIONS holds; undefined for other subjects and for payloads that break the envelope. */
export function stepOf(
  message: Pick<Message, "subject" | "sequence" | "json">,
): { subject: string; sequence: number; run: string; event: CloudEvent<StepData> } | undefined {
  const parts = parseStepSubject(message.subject);
  if (parts === undefined) return undefined;
  const { subject, sequence } = message;
  try {
    return { subject, sequence, run: parts.run, event: parseEvent(message, StepData) };
  } catch {
    return undefined;
  }
}

/** Runs folded from the stream, in the order they began. Of one forecaster, or of all. */
export async function readRuns(bus: Bus, forecaster?: string): Promise<RunSummary[]> {
  const runs = new Map<string, RunSummary>();
  const filter = forecaster === undefined ? STEPS_OF_RUNS : `retrain.*.${forecaster}.*`;
  for await (const message of bus.read("DECISIONS", { filter })) {
    const step = stepOf(message);
    const run = step && foldRun(runs.get(step.run), step);
    if (run !== undefined) runs.set(run.run_id, run);
  }
  return [...runs.values()];
}

/** One run by its whole id; undefined where the stream has none. */
export async function readRun(bus: Bus, id: string): Promise<RunSummary | undefined> {
  if (!RunId.safeParse(id).success) return undefined;
  let run: RunSummary | undefined;
  for await (const message of bus.read("DECISIONS", { filter: `retrain.*.*.${id}` })) {
    const step = stepOf(message);
    if (step !== undefined) run = foldRun(run, step);
  }
  return run;
}

/** The messages that the first step of a run names as its causes, and that are no steps themselves. */
export async function readCauses(bus: Bus, run: RunSummary): Promise<Cause[]> {
  const wanted = run.steps[0]?.data.caused_by ?? [];
  const causes: Cause[] = [];
  for (const sequence of wanted.filter((each) => each > 0).slice(0, 20)) {
    const message = await bus.messageAt("DECISIONS", sequence);
    if (message === undefined) continue;
    let payload: unknown;
    try {
      payload = message.json();
    } catch {
      payload = new TextDecoder().decode(message.data);
    }
    causes.push({ sequence, subject: message.subject, payload });
  }
  return causes;
}
