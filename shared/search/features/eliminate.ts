import { pickColumns, type Table } from "../../forecasting/tabular/table.ts";
import { pairedDifference } from "../pruners/window-losses.ts";
import { type FeatureStudy, permutationImportance } from "./importance.ts";
import { type Screened, screenFeatures } from "./screen.ts";

/** Share of the features that one round takes away, at least one. */
const SHARE = 0.2;

/** One round of the elimination. */
export interface Round {
  readonly features: readonly string[];
  /** mean over the folds */
  readonly loss: number;
}

export interface Selection {
  /** in the order of the table */
  readonly kept: readonly string[];
  readonly screened: readonly Screened[];
  /** from all features that passed the screen to one, or to those that stay */
  readonly rounds: readonly Round[];
}

export interface Elimination extends FeatureStudy {
  /** features that are never taken away */
  readonly stay?: readonly string[];
  /** standard errors that the kept set may lie above the best one: 1 unless told, 0 keeps the best one itself */
  readonly tolerance?: number;
  /** what is taken away before the first round; absent: `screenFeatures` */
  readonly screen?: (features: Table, labels: ArrayLike<number>) => Screened[];
}

/**
 * Backward elimination: fits with all features, takes away the fifth of the least permutation importance, and so on
 * down to one, or to those that stay. Kept is the smallest set that is not clearly worse than the best one: its mean loss
 * over the folds lies at most one standard error of their paired difference above, or as many as are tolerated. Features
 * that hold a single value or are the label are taken away first, and said to be. (B-TRN-3)
 *
 * Costs about log(features) / 0.22 rounds of one fit a fold, and features × repeats predictions each.
 *
 * @returns no features kept where all were screened and none stays
 * @throws {InvalidInputError} as `permutationImportance`
 *
 * Sources: I. Guyon et al., "Gene selection for cancer classification", Machine Learning 46 (2002), recursive feature
 * elimination; the one-standard-error rule after L. Breiman et al., "Classification and Regression Trees" (1984), 3.4.3.
 */
export function eliminateFeatures(study: Elimination): Selection {
  const { stay = [], screen = screenFeatures, tolerance = 1 } = study;
  const screened = screen(study.features, study.labels).filter(({ name }) => !stay.includes(name));
  const out = new Set(screened.map(({ name }) => name));
  const rounds: { features: readonly string[]; losses: readonly number[] }[] = [];
  let names = study.features.names.filter((name) => !out.has(name));
  while (names.length > 0) {
    const { losses, importances } = permutationImportance({
      ...study,
      features: pickColumns(study.features, names),
    });
    rounds.push({ features: names, losses });
    const least = importances
      .filter(({ name }) => !stay.includes(name))
      .sort((a, b) => a.importance - b.importance || (a.name < b.name ? -1 : 1));
    if (least.length === 0) break;
    const leaving = new Set(least.slice(0, Math.ceil(SHARE * least.length)).map(({ name }) => name));
    names = names.filter((name) => !leaving.has(name));
  }
  const best = rounds.reduce<readonly number[] | undefined>(
    (least, { losses }) => (least === undefined || mean(losses) < mean(least) ? losses : least),
    undefined,
  );
  const chosen = rounds.findLast(({ losses }) => {
    const difference = pairedDifference(losses, best!);
    return difference.mean <= tolerance * difference.standardError;
  });
  return {
    kept: chosen?.features ?? [],
    screened,
    rounds: rounds.map(({ features, losses }) => ({ features, loss: mean(losses) })),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
