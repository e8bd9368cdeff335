import type { TrialResult } from "../../shared/contracts/optimizer.ts";
import type { Observation } from "../../shared/search/sampler.ts";
import type { GenerationStanding, TrialStanding } from "./standing.ts";

/**
 * What samplers learn from: the trials of the first search whose generations are complete.
 *
 * A pruned trial was measured on the first windows only, which may be easier than the others. Its value is taken times
 * what the best trial of all windows came to on all of them, relative to these first ones.
 *
 * @param rows the trial table, as `rowsOf`
 */
export function observationsOf(
  standing: readonly GenerationStanding[],
  rows: readonly TrialResult[],
): Observation[] {
  const values = new Map(rows.map(({ number, value }) => [number, value ?? null]));
  const trials = standing
    .filter(({ phase, open }) => phase === "search" && open.length === 0)
    .flatMap((generation) => generation.trials);
  const leader = leaderOf(trials);
  return trials.map(({ trial: { number, point }, status, row }) => {
    const value = values.get(number) ?? null;
    const ratio = status === "pruned" ? wholeToPart(leader, row?.rung ?? 0) : 1;
    return { number, point, objective: value === null ? null : value * ratio };
  });
}

/** What the leader came to on all windows, relative to those up to a rung; 1 where that cannot be told. */
function wholeToPart(leader: TrialStanding | undefined, rung: number): number {
  const whole = leader?.row?.objective ?? null;
  const part = leader?.rowAfter(rung).objective ?? null;
  return whole === null || part === null || part <= 0 ? 1 : whole / part;
}

/** The best of those that saw every window; of equals the first. */
function leaderOf(trials: readonly TrialStanding[]): TrialStanding | undefined {
  const complete = trials.filter(({ status }) => status === "complete");
  const objective = ({ row }: TrialStanding) => row?.objective ?? Infinity;
  return complete.reduce<TrialStanding | undefined>(
    (best, each) => (best === undefined || objective(each) < objective(best) ? each : best),
    undefined,
  );
}
