import { durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../../shared/contracts/telemetry.ts";
import { Evaluated, EvaluatedStream, EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import type { Batch } from "../monitor/monitor.ts";
import type { Arrival, Receipt } from "./play.ts";
import type { Recording } from "./recording.ts";

/** A message of either kind, at the time of its newest record. */
interface Dated {
  readonly atMs: number;
  readonly observation?: Batch<Observation>;
  readonly score?: Batch<Score>;
}

/** A receipt with the telemetry it was made from. */
export interface RecordedReceipt extends Receipt {
  readonly stream: EvaluatedStream;
}

/** What was recorded of evaluations, in their order; those of older versions, which name no telemetry, are left out. */
export function receiptsOf({ events }: Recording): RecordedReceipt[] {
  return events.flatMap(({ subject, event }) => {
    if (!subject.startsWith("retrain.evaluated.")) return [];
    const { data } = Evaluated.safeParse(event.data);
    const stream = EvaluatedStream.safeParse(data?.evidence.stream).data;
    const inputs = EvaluationInputs.safeParse(data?.evidence.inputs).data;
    if (stream === undefined || inputs === undefined) return [];
    const nowMs = Date.parse(String(data?.evidence.event_time));
    return [{ nowMs, decidedMs: Date.parse(event.time), inputs, stream }];
  });
}

/**
 * Telemetry as it came to the trigger: up to each recorded evaluation together. A policy that evaluates at other
 * intervals than were recorded meets what came after the first one as it becomes due.
 */
export function* recordedArrivals(
  recording: Recording,
  receipts: readonly RecordedReceipt[],
  spec: ForecasterSpec,
): Generator<Arrival> {
  const asRecorded = recording.specs.every(
    (each) => each.spec.trigger.evaluate_every === spec.trigger.evaluate_every,
  );
  const taken = { observations: 0, scores: 0 };
  const upTo = <T>(kind: keyof typeof taken, batches: readonly Batch<T>[], last: number): Batch<T>[] => {
    const from = taken[kind];
    while (batches[taken[kind]] !== undefined && batches[taken[kind]]!.sequence <= last) taken[kind] += 1;
    return batches.slice(from, taken[kind]);
  };
  // What came before the first evaluation came to nobody's notice, however many days it is about.
  for (const receipt of asRecorded ? receipts : receipts.slice(0, 1)) {
    yield {
      atMs: receipt.decidedMs,
      observations: upTo("observations", recording.observations, receipt.stream.observations),
      scores: upTo("scores", recording.scores, receipt.stream.scores),
      receipt,
    };
  }
  if (asRecorded && receipts.length > 0) return; // what came after the last evaluation waits for the next
  const rest = {
    observations: recording.observations.slice(taken.observations),
    scores: recording.scores.slice(taken.scores),
  };
  yield* arrivalsOf(inOrder(rest), spec);
}

/** Joins telemetry into arrivals so that each ends with what makes an evaluation due, and nothing is folded twice. */
export function* arrivalsOf(messages: Iterable<Dated>, spec: ForecasterSpec): Generator<Arrival> {
  const every = durationMs(spec.trigger.evaluate_every);
  let observations: Batch<Observation>[] = [];
  let scores: Batch<Score>[] = [];
  let clock = Number.NEGATIVE_INFINITY;
  let due = Number.NEGATIVE_INFINITY;
  for (const { atMs, observation, score } of messages) {
    if (observation !== undefined) observations.push(observation);
    if (score !== undefined) scores.push(score);
    clock = Math.max(clock, atMs);
    if (clock < due) continue;
    yield { atMs: clock, observations, scores };
    due = clock + every;
    observations = [];
    scores = [];
  }
  if (observations.length + scores.length > 0) yield { atMs: clock, observations, scores };
}

/** Messages of both kinds in the order of the stream, each at the time of its newest record. */
function* inOrder({ observations, scores }: Pick<Recording, "observations" | "scores">): Generator<Dated> {
  let o = 0;
  let s = 0;
  while (o < observations.length || s < scores.length) {
    const observation = observations[o];
    const score = scores[s];
    if (score === undefined || (observation !== undefined && observation.sequence < score.sequence)) {
      o += 1;
      yield { atMs: newest(observation!.records.map(({ ts }) => ts)), observation: observation! };
    } else {
      s += 1;
      yield { atMs: newest(score.records.map(({ target_ts }) => target_ts)), score };
    }
  }
}

function newest(times: readonly string[]): number {
  return times.reduce((latest, each) => Math.max(latest, Date.parse(each)), Number.NEGATIVE_INFINITY);
}
