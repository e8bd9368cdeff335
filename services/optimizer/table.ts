import type { TrialResult } from "../../shared/contracts/optimizer.ts";
import { type Costs, scalarise } from "../../shared/search/scalarise.ts";
import type { GenerationStanding } from "./standing.ts";
import type { Study } from "./state.ts";

const UNMEASURED: Costs = { inferenceMs: 0, memoryMb: 0 };

/**
 * The trial table so far, by number: a row for each trial of which anything is known. Costs count in proportion to those
 * of the first trial that has any.
 */
export function rowsOf(
  { search }: Pick<Study, "search">,
  standing: readonly GenerationStanding[],
): TrialResult[] {
  const { inference_time, memory } = search.weights;
  const weights = { inferenceTime: inference_time, memory };
  const known = standing.flatMap(({ trials }) =>
    trials.flatMap(({ row, status, prunedBecause }) =>
      row === undefined ? [] : [{ row, status, prunedBecause }],
    ),
  );
  const reference = known.find(({ row }) => row.inference_ms !== undefined);
  const unit = reference === undefined ? UNMEASURED : costsOf(reference.row);
  return known.map(({ row, status, prunedBecause }) => ({
    ...row,
    ...(row.objective == null ? {} : { value: scalarise(row.objective, costsOf(row), unit, weights) }),
    ...(status === "complete" || status === "failed" ? {} : { pruned: true }),
    ...(prunedBecause === undefined ? {} : { pruned_because: prunedBecause }),
  }));
}

function costsOf({ inference_ms = 0, memory_mb = 0 }: TrialResult): Costs {
  return { inferenceMs: inference_ms, memoryMb: memory_mb };
}
