import { FOUNDATION_SHARE, isFoundation } from "./foundation.ts";
import type { StoredForecasts } from "./stored-forecasts.ts";
import { combinedLoss, targetsOf } from "./targets.ts";
import { reweigh, type Weighting } from "./weights.ts";

/** The classical families that a foundation model is measured against. */
const CLASSICAL: readonly string[] = ["arima", "var"];

/** What an ensemble's weights come to, for people and for checks. Losses are those of `combinedLoss`. */
export interface EnsembleReport {
  /** by member, sum 1 */
  readonly weights: Readonly<Record<string, number>>;
  /** by member alone, on the stored forecasts */
  readonly losses: Readonly<Record<string, number>>;
  /** of the average, on the forecasts that the weights were found on */
  readonly loss: number;
  /** null without a foundation model among the members */
  readonly foundation: FoundationReport | null;
}

export interface FoundationReport {
  readonly member: string;
  readonly weight: number;
  /** why the weight calls for a look, null where it lies in 10 … 40 % */
  readonly flag: string | null;
  /** its loss over that of the better one of ARIMA and VAR; below 1 is better; null where neither is a member */
  readonly against_classical: number | null;
  /** the loss of the best average without it; null where it is the only member */
  readonly loss_without: number | null;
}

/** @param weights per member of `stored`, in its order, as `reweigh` gives them */
export function reportOf(
  stored: StoredForecasts,
  weights: Float64Array,
  weighting: Weighting,
): EnsembleReport {
  const { members } = stored;
  const targets = targetsOf(
    stored,
    members.map((_, m) => m),
  );
  const alone = members.map((_, m) => combinedLoss(targets, oneHot(members.length, m)));
  const named = (values: ArrayLike<number>) =>
    Object.fromEntries(members.map((name, m) => [name, values[m]!]));
  const foundation = members.findIndex(isFoundation);
  return {
    weights: named(weights),
    losses: named(alone),
    loss: combinedLoss(targets, weights),
    foundation: foundation < 0 ? null : foundationReport(foundation),
  };

  function foundationReport(m: number): FoundationReport {
    const weight = weights[m]!;
    const classical = Math.min(...alone.filter((_, i) => CLASSICAL.includes(members[i]!)));
    const others = members.filter((_, i) => i !== m);
    return {
      member: members[m]!,
      weight,
      flag: flagOf(members[m]!, weight),
      against_classical: Number.isFinite(classical) && classical > 0 ? alone[m]! / classical : null,
      loss_without: others.length === 0 ? null : combinedLoss(targets, reweigh(stored, weighting, others)),
    };
  }
}

function flagOf(member: string, weight: number): string | null {
  const { least, most } = FOUNDATION_SHARE;
  if (weight >= least && weight <= most) return null;
  const side = weight < least ? `below ${100 * least} %` : `above ${100 * most} %`;
  return `${member} has ${(100 * weight).toFixed(1)} % of the weight, ${side}`;
}

function oneHot(length: number, at: number): Float64Array {
  const weights = new Float64Array(length);
  weights[at] = 1;
  return weights;
}
