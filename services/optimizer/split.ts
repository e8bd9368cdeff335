import type { DataSplit } from "../../shared/contracts/optimizer.ts";
import { type ForecasterSpec, holdoutSteps, stepsIn } from "../../shared/contracts/spec.ts";
import { MIN_TRAINING } from "../../shared/forecasting/backtest-plan.ts";

/** Steps that a search needs: history to forecast from, its own windows, the hold-out. */
export function stepsNeeded(spec: ForecasterSpec): number {
  return MIN_TRAINING + stepsIn(spec.search.backtest, spec) + holdoutSteps(spec);
}

/**
 * Cuts a dataset in three:
 *
 *     0 … train_end … search_end … points
 *     trials train    are scored   the validator judges
 *
 * The cutoffs of the search lie before `search_end`, and so do their targets; nothing after it reaches a trial.
 *
 * @param points steps of the dataset, at least `stepsNeeded`
 */
export function splitData(points: number, spec: ForecasterSpec): DataSplit {
  const holdout = holdoutSteps(spec);
  const search_end = points - holdout;
  return {
    points,
    train_end: search_end - stepsIn(spec.search.backtest, spec),
    search_end,
    holdout_steps: holdout,
  };
}
