import { InvalidInputError } from "../../errors.ts";
import { randomKey } from "../../forecasting/random.ts";
import { sliceRows, type Table } from "../../forecasting/tabular/table.ts";
import { permutation } from "../permutation.ts";
import { STREAMS } from "../streams.ts";
import type { Fold } from "./folds.ts";

/** Fitted to rows. */
export type Fit = (features: Table, labels: Float64Array) => Fitted;

export interface Fitted {
  /** For another table with the same columns: one for each row, or several, such as quantiles, as the loss reads them. */
  (features: Table): ArrayLike<number>;
  /** features that predictions depend on; absent: any. The others' importance is 0 without a look. */
  readonly looksAt?: ReadonlySet<string>;
}

/** What features are judged by. */
export interface FeatureStudy {
  /** rows in order of time */
  readonly features: Table;
  /** [rows] */
  readonly labels: Float64Array;
  /** as `timeOrderedFolds` */
  readonly folds: readonly Fold[];
  readonly fit: Fit;
  /** less is better */
  readonly loss: (labels: Float64Array, predictions: ArrayLike<number>) => number;
  /** rows that hang together: blocks of so many keep their order when a feature is permuted; 1 for independent rows */
  readonly blockLength: number;
  /** permutations of each feature in each fold */
  readonly repeats: number;
  readonly seed: number;
}

export interface Importance {
  readonly name: string;
  /** what the loss grows by without the feature's information, mean over folds and permutations, unit of the loss */
  readonly importance: number;
}

export interface Assessment {
  /** [folds], of the model with all features */
  readonly losses: readonly number[];
  /** in the order of the features */
  readonly importances: readonly Importance[];
}

/**
 * Permutation importance: how much worse a fitted model predicts the rows after its training when one feature is
 * shuffled there. Blocks of rows are shuffled, not rows, so that a feature keeps its course within a block. Two features
 * that say the same share their importance: take features away one by one, as `eliminateFeatures` does.
 *
 * @throws {InvalidInputError} for a fold whose loss is no number
 *
 * Source: L. Breiman, "Random forests", Machine Learning 45 (2001), section 10; on held-out rows after A. Fisher,
 * C. Rudin and F. Dominici, J. Machine Learning Research 20 (2019), 177.
 */
export function permutationImportance(study: FeatureStudy): Assessment {
  const { features, labels, folds, fit, loss, repeats, seed } = study;
  const losses: number[] = [];
  const growth = features.names.map(() => 0);
  folds.forEach(({ trainTo, testFrom, testTo }, k) => {
    const predict = fit(sliceRows(features, 0, trainTo), labels.subarray(0, trainTo));
    const test = sliceRows(features, testFrom, testTo);
    const actual = labels.subarray(testFrom, testTo);
    const base = loss(actual, predict(test));
    if (!Number.isFinite(base))
      throw new InvalidInputError(`feature selection: the model's loss in fold ${k + 1} is ${base}`);
    losses.push(base);
    features.names.forEach((name, f) => {
      if (predict.looksAt?.has(name) === false) return;
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        const order = blockPermutation(
          test.rows,
          study.blockLength,
          randomKey(seed, STREAMS.features, k, f, repeat),
        );
        const permuted = loss(actual, predict(withColumn(test, f, order)));
        growth[f]! += (permuted - base) / (folds.length * repeats);
      }
    });
  });
  const importances = features.names.map((name, f) => ({ name, importance: growth[f]! }));
  return { losses, importances };
}

function withColumn(table: Table, f: number, order: readonly number[]): Table {
  const shuffled = Float32Array.from(order, (row) => table.columns[f]![row]!);
  return { ...table, columns: table.columns.with(f, shuffled) };
}

/** 0 … rows − 1 with blocks of `blockLength` rows, the last one shorter, in an order drawn by the key; two at least. */
export function blockPermutation(rows: number, blockLength: number, key: number): number[] {
  const length = Math.max(1, Math.min(Math.round(blockLength), Math.ceil(rows / 2)));
  return permutation(Math.ceil(rows / length), key).flatMap((block) =>
    Array.from({ length: Math.min(length, rows - block * length) }, (_, i) => block * length + i),
  );
}
