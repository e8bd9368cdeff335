import type { VerifiedDecision } from "../../../shared/contracts/simulation.ts";
import { Evaluated, EvaluatedStream, EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import { Refolding } from "../refolding.ts";
import { reproduce } from "../reproduce.ts";
import { difference, onTheWire } from "./difference.ts";
import type { RecordedEvent, Recording } from "./recording.ts";

interface Receipt {
  readonly recorded: RecordedEvent;
  readonly report: Evaluated;
  readonly stream: EvaluatedStream | undefined;
}

/**
 * Makes every `evaluated` of a forecaster again: the telemetry up to what its receipt names is folded from the
 * beginning, and the detectors are asked with the receipt's inputs and the revision of the spec that it names.
 */
export function verifyEvaluations(recording: Recording): VerifiedDecision[] {
  const receipts = recording.events
    .filter(({ subject }) => subject.startsWith("retrain.evaluated."))
    .map((recorded) => receiptOf(recorded));
  const firsts = [recording.observations[0], recording.scores[0]].map((first) => first?.sequence ?? Infinity);
  const kept = Math.min(...firsts);
  const missing = missingFrom(receipts);
  const telemetry = new Refolding(recording);
  return receipts.map(({ recorded, ...receipt }, i) => {
    const { sequence, subject } = recorded;
    return { sequence, subject, ...again(receipt, { ...recording, telemetry }, kept, missing[i]!) };
  });
}

/** What each receipt lacked: the ones after it name it as late. */
function missingFrom(receipts: readonly Receipt[]): EvaluatedStream["late"][] {
  let late: EvaluatedStream["late"] = { scores: [], observations: [] };
  return receipts
    .toReversed()
    .map(({ stream }) => {
      const missing = late;
      if (stream !== undefined && stream.late.scores.length + stream.late.observations.length > 0)
        late = {
          scores: [...late.scores, ...stream.late.scores],
          observations: [...late.observations, ...stream.late.observations],
        };
      return missing;
    })
    .toReversed();
}

function again(
  { report, stream }: Omit<Receipt, "recorded">,
  { specs, telemetry }: Pick<Recording, "specs"> & { readonly telemetry: Refolding },
  kept: number,
  late: EvaluatedStream["late"],
): Pick<VerifiedDecision, "verdict" | "detail"> {
  const { spec_revision, event_time } = report.evidence;
  const spec = specs.find(({ revision }) => revision === spec_revision)?.spec;
  const unverifiable = (detail: string) => ({ verdict: "unverifiable", detail }) as const;
  if (stream === undefined || typeof event_time !== "string")
    return unverifiable("its receipt is of an older version and does not name what it was made from");
  if (spec === undefined) return unverifiable(`revision ${String(spec_revision)} of the spec is not kept`);
  if (stream.first_sequence > 0 && stream.first_sequence < kept)
    return unverifiable(`telemetry before sequence ${kept} is not kept`);
  const inputs = EvaluationInputs.parse(report.evidence.inputs ?? {});
  const made = reproduce({ spec, inputs, nowMs: Date.parse(event_time), stream, late }, telemetry);
  const { forecaster: _, caused_by: __, evidence: ___, ...published } = report;
  const detail = difference(published, onTheWire(made));
  if (detail === undefined) return { verdict: "reproduced" };
  return stream.relaid === null
    ? { verdict: "different", detail }
    : unverifiable(`the spec's windows had changed before: ${detail}`);
}

function receiptOf(recorded: RecordedEvent): Receipt {
  const report = Evaluated.parse(recorded.event.data);
  return { recorded, report, stream: EvaluatedStream.safeParse(report.evidence.stream).data };
}
