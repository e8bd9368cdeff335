import type { VerifiedDecision } from "../../../shared/contracts/simulation.ts";
import type { Range } from "./outcome.ts";
import type { Recording } from "./recording.ts";
import { verifyEvaluations } from "./verify-evaluations.ts";
import { verifyVerdicts } from "./verify-verdicts.ts";

/** Makes every recorded decision of a forecaster again, from what it was made from, in the order of the stream. */
export function verify(recording: Recording, { fromMs, toMs }: Range): VerifiedDecision[] {
  const inRange = new Set(
    recording.events
      .filter(({ event }) => Date.parse(event.time) >= fromMs && Date.parse(event.time) < toMs)
      .map(({ sequence }) => sequence),
  );
  return [...verifyEvaluations(recording), ...verifyVerdicts(recording)].filter(({ sequence }) =>
    inRange.has(sequence),
  );
}
