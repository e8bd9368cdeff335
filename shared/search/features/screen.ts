import type { Table } from "../../forecasting/tabular/table.ts";

/** A correlation with the label that only the label itself, moved or scaled, has. */
const LEAK = 1 - 1e-6;

export interface Screened {
  readonly name: string;
  /** for people */
  readonly because: string;
}

/**
 * Features that must not or need not be learnt from: those that hold a single value, and those that are the label in
 * disguise, with a correlation beyond ±(1 − 10⁻⁶), which would be perfect in every backtest and unknown in production.
 * Rows where the feature is missing are left out of account.
 *
 * @param labels [rows]
 */
export function screenFeatures({ names, columns }: Table, labels: ArrayLike<number>): Screened[] {
  return names.flatMap((name, f): Screened[] => {
    const because = defect(columns[f]!, labels);
    return because === undefined ? [] : [{ name, because }];
  });
}

function defect(column: Float32Array, labels: ArrayLike<number>): string | undefined {
  const rows = Array.from(column.keys()).filter((row) => Number.isFinite(column[row]));
  if (rows.length === 0) return "it has no value in any row";
  if (rows.every((row) => column[row] === column[rows[0]!])) return `it is ${column[rows[0]!]} in every row`;
  // As single precision keeps them, so that a copy of the label equals it.
  const r = correlation(
    rows.map((row) => column[row]!),
    rows.map((row) => Math.fround(labels[row]!)),
  );
  if (rows.length > 2 && Math.abs(r) > LEAK) return `it is the label: their correlation is ${r.toFixed(7)}`;
  return undefined;
}

/** Pearson's; NaN where one of them is constant. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    const [x, y] = [value - meanA, b[i]! - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return ab / Math.sqrt(aa * bb);
}
