import { superiorityPValue } from "../../strategy/superiority.ts";
import { logLosses, type SignalMeasures, signalMeasures } from "./measures.ts";
import { signalProbabilities, type TrainedSignal } from "./pipeline.ts";
import type { SignalRows } from "./rows.ts";

export interface SignalVerdict {
  readonly approved: boolean;
  readonly reasons: readonly string[];
  readonly candidate: SignalMeasures;
  readonly live: SignalMeasures;
  /** chance that the candidate's lower log loss is luck, on these rows */
  readonly p_value: number | null;
}

/**
 * Measures a candidate and the live model on rows that neither was made from. It is approved where its log loss is lower
 * beyond luck and its accuracy is no lower.
 *
 * @param significance largest chance of luck
 */
export function validateSignal(
  candidate: Pick<TrainedSignal, "booster" | "features">,
  live: Pick<TrainedSignal, "booster" | "features">,
  { table, labels }: SignalRows,
  { significance, seed }: { readonly significance: number; readonly seed: number },
): SignalVerdict {
  const [own, other] = [candidate, live].map((model) => signalProbabilities(model, table)) as [
    Float32Array,
    Float32Array,
  ];
  const measured = { candidate: signalMeasures(labels, own), live: signalMeasures(labels, other) };
  // The live model's loss less the candidate's is what the candidate gains.
  const p_value = superiorityPValue(logLosses(labels, other), logLosses(labels, own), seed);
  const reasons = [
    ...(measured.candidate.log_loss < measured.live.log_loss
      ? []
      : [
          `log loss ${measured.candidate.log_loss.toFixed(4)}, of the live model ${measured.live.log_loss.toFixed(4)}`,
        ]),
    ...(measured.candidate.accuracy >= measured.live.accuracy
      ? []
      : [
          `accuracy ${measured.candidate.accuracy.toFixed(3)}, of the live model ${measured.live.accuracy.toFixed(3)}`,
        ]),
    ...(p_value !== null && p_value <= significance
      ? []
      : [
          `the chance of luck is ${p_value === null ? "unknown" : p_value.toFixed(3)}, expected at most ${significance}`,
        ]),
  ];
  return { approved: reasons.length === 0, reasons, ...measured, p_value };
}
