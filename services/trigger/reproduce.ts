import type { EvaluationInputs } from "../../shared/contracts/trigger.ts";
import { evaluate, type Report } from "./decide.ts";
import type { Refolding, Seen } from "./refolding.ts";

/** What a receipt names. */
export interface Recorded extends Omit<Seen, "deployedAt"> {
  readonly inputs: EvaluationInputs;
  /** `evidence.event_time`, ms */
  readonly nowMs: number;
}

/**
 * Makes an evaluation again from its receipt and the recorded telemetry: the report is the one that was published, to
 * the last bit. Where the receipt's `stream.relaid` is not null, older telemetry had been summed and thinned by other
 * windows of the spec, and the report may differ.
 *
 * @param telemetry of the receipt's forecaster; quickest when its receipts are taken in their order
 */
export function reproduce({ inputs, nowMs, ...seen }: Recorded, telemetry: Refolding): Report {
  const deployedAt = inputs.deployment === null ? null : Date.parse(inputs.deployment.at);
  const monitor = telemetry.monitorOf({ ...seen, deployedAt });
  return evaluate({ spec: seen.spec, monitor, nowMs, inputs }).report;
}
