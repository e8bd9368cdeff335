import { InvalidInputError } from "../../errors.ts";
import { nonNegativeLeastSquares } from "./nnls.ts";
import { pinballWeights } from "./pinball-weights.ts";
import type { StoredForecasts } from "./stored-forecasts.ts";
import { type Target, targetsOf } from "./targets.ts";

/** `pinball` judges the whole law, `nnls` the medians by squared error, `equal` not at all. */
export type Weighting = "pinball" | "nnls" | "equal";

/** A member with less is left out: it would cost a forecast each time and change nothing. */
export const LEAST_WEIGHT = 0.01;

/** How much the row Σ w = 1 counts against all targets together. */
const SUM_ROW = 1e3;

/**
 * Weights of an ensemble from stored forecasts, without any inference (A-OPT-9). They are not negative and sum to
 * one; those below 1 % become 0. Errors count in scales of their series, so that a fleet's large series do not speak
 * for its small ones. Pure and deterministic.
 *
 * @param members those that may have weight; all unless told
 * @returns per member of `stored`, in its order
 * @throws {InvalidInputError} when no member is left, or no window has an observed value
 *
 * Source of the equality row: Haskell & Hanson, "An algorithm for linear least squares problems with equality and
 * nonnegativity constraints", Mathematical Programming 21 (1981).
 */
export function reweigh(
  stored: StoredForecasts,
  weighting: Weighting,
  members: readonly string[] = stored.members,
): Float64Array {
  const chosen = stored.members.map((_, m) => m).filter((m) => members.includes(stored.members[m]!));
  if (chosen.length === 0) {
    throw new InvalidInputError(
      `none of the ensemble's members ${stored.members.join(", ")} is left, expected at least one`,
    );
  }
  const targets = targetsOf(stored, chosen);
  if (targets.length === 0)
    throw new InvalidInputError("the stored forecasts hold no observed value to weigh by");
  const found = WEIGHTINGS[weighting](targets, chosen.length);
  const weights = new Float64Array(stored.members.length);
  withoutCrumbs(found).forEach((weight, i) => {
    weights[chosen[i]!] = weight;
  });
  return weights;
}

const WEIGHTINGS: Record<Weighting, (targets: readonly Target[], n: number) => Float64Array> = {
  pinball: pinballWeights,
  nnls: leastSquaresWeights,
  equal: (_, n) => new Float64Array(n).fill(1 / n),
};

/** The medians, each less what the members say on average, which changes nothing where Σ w = 1. */
function leastSquaresWeights(targets: readonly Target[], n: number): Float64Array {
  const ata = new Float64Array(n * n);
  const aty = new Float64Array(n);
  const row = new Float64Array(n);
  for (const { actual, medians } of targets) {
    const middle = medians.reduce((sum, median) => sum + median, 0) / n;
    for (let i = 0; i < n; i += 1) row[i] = medians[i]! - middle;
    addRow(ata, aty, row, actual - middle, 1);
  }
  const trace = row.reduce((sum, _, i) => sum + ata[i * n + i]!, 0);
  if (!(trace > 0)) return new Float64Array(n).fill(1 / n);
  addRow(ata, aty, row.fill(1), 1, SUM_ROW * trace);
  return nonNegativeLeastSquares(ata, aty);
}

function addRow(ata: Float64Array, aty: Float64Array, row: Float64Array, y: number, weight: number): void {
  for (let i = 0; i < row.length; i += 1) {
    aty[i]! += weight * row[i]! * y;
    for (let j = 0; j < row.length; j += 1) ata[i * row.length + j]! += weight * row[i]! * row[j]!;
  }
}

/** Small weights become 0, the others sum to one; equal weights where nothing is left. */
export function withoutCrumbs(weights: Float64Array): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const kept = weights.map((weight) => (weight / total >= LEAST_WEIGHT ? weight : 0));
  const sum = kept.reduce((a, b) => a + b, 0);
  return sum > 0 ? kept.map((weight) => weight / sum) : weights.map(() => 1 / weights.length);
}
