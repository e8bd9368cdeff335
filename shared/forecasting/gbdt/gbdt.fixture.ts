import { uniformAt } from "../random.ts";
import type { Table } from "../tabular/table.ts";

export interface Rows {
  readonly table: Table;
  readonly labels: Float64Array;
}

/**
 * The first function of Friedman, "Multivariate adaptive regression splines" (1991), with a fifth of column 3 missing,
 * noise of standard deviation 1, and columns that tell nothing from the sixth on.
 *
 *     y = 10 sin(π x0 x1) + 20 (x2 − ½)² + 10 x3 + 5 x4 + noise
 */
export function friedman(rows: number, seed: number, columns = 10): Rows {
  const x = Array.from({ length: columns }, (_, f) =>
    Float32Array.from({ length: rows }, (_, i) => uniformAt(seed * 1000 + f, i)),
  );
  const at = (f: number, i: number) => x[f]![i]!;
  const labels = Float64Array.from({ length: rows }, (_, i) => {
    // Twelve uniform numbers have variance 1.
    let noise = -6;
    for (let k = 0; k < 12; k += 1) noise += uniformAt(seed * 1000 + 900 + k, i);
    const smooth = 10 * Math.sin(Math.PI * at(0, i) * at(1, i)) + 20 * (at(2, i) - 0.5) ** 2;
    return smooth + 10 * at(3, i) + 5 * at(4, i) + noise;
  });
  for (let i = 0; i < rows; i += 1) if (uniformAt(seed * 1000 + 950, i) < 0.2) x[3]![i] = Number.NaN;
  return { table: { names: x.map((_, f) => `x${f}`), columns: x, rows }, labels };
}

/** The same with labels 0 and 1, about as many of each. */
export function friedmanClasses(rows: number, seed: number): Rows {
  const { table, labels } = friedman(rows, seed);
  return { table, labels: labels.map((label) => (label > 14 ? 1 : 0)) };
}
