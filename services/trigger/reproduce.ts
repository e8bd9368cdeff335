import type { ForecasterSpec } from "../../shared/contracts/spec.ts";
import type { Observation, Score } from "../../shared/contracts/telemetry.ts";
import type { EvaluatedStream, EvaluationInputs } from "../../shared/contracts/trigger.ts";
import { evaluate, type Report } from "./decide.ts";
import { type Batch, readObservations, readScores } from "./monitor/monitor.ts";
import { initialMonitor } from "./state.ts";

/** What a receipt names, and the telemetry of its forecaster in any order; more than it names does no harm. */
export interface Recorded {
  /** The revision that `evidence.spec_revision` names. */
  readonly spec: ForecasterSpec;
  readonly inputs: EvaluationInputs;
  /** `evidence.event_time`, ms */
  readonly nowMs: number;
  /** `evidence.stream` */
  readonly stream: Pick<EvaluatedStream, "scores" | "observations" | "born_at">;
  /** `late` of the forecaster's later receipts and of its state as it is now: what this one was made without */
  readonly late: EvaluatedStream["late"];
  readonly scores: readonly Batch<Score>[];
  readonly observations: readonly Batch<Observation>[];
}

/**
 * Makes an evaluation again from its receipt and the recorded telemetry: the report is the one that was published, to
 * the last bit. Where the receipt's `stream.relaid` is not null, older telemetry had been summed and thinned by other
 * windows of the spec, and the report may differ.
 */
export function reproduce(recorded: Recorded): Report {
  const { spec, inputs, nowMs, stream, late } = recorded;
  const deployed_at = inputs.deployment === null ? null : Date.parse(inputs.deployment.at);
  let monitor = { ...initialMonitor(spec.forecaster), deployed_at };
  const seen = <T>(batches: readonly Batch<T>[], last: number, without: readonly number[]) =>
    batches
      .filter(({ sequence }) => sequence >= stream.born_at && sequence <= last && !without.includes(sequence))
      .sort((a, b) => a.sequence - b.sequence);
  monitor = readScores(monitor, seen(recorded.scores, stream.scores, late.scores), spec);
  monitor = readObservations(
    monitor,
    seen(recorded.observations, stream.observations, late.observations),
    spec,
  );
  return evaluate({ spec, monitor, nowMs, inputs }).report;
}
