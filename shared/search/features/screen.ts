import { suspectFeatures } from "../../forecasting/tabular/leakage.ts";
import type { Table } from "../../forecasting/tabular/table.ts";

export interface Screened {
  readonly name: string;
  /** for people */
  readonly because: string;
}

/**
 * Features that must not or need not be learnt from: those that hold a single value, and those that tell the label by
 * themselves (see `suspectFeatures`), which would be perfect in every backtest and unknown in production.
 *
 * @param labels [rows]
 */
export function screenFeatures(table: Table, labels: ArrayLike<number>): Screened[] {
  const strengths = new Map(
    suspectFeatures(table, labels).map(({ feature, strength }) => [feature, strength]),
  );
  return table.names.flatMap((name, f): Screened[] => {
    const strength = strengths.get(name);
    const because =
      single(table.columns[f]!) ??
      (strength === undefined
        ? undefined
        : `it is the label: it orders rows alike (${strength.toFixed(4)} of 1)`);
    return because === undefined ? [] : [{ name, because }];
  });
}

function single(column: Float32Array): string | undefined {
  const values = new Set(column.filter(Number.isFinite));
  if (values.size === 0) return "it has no value in any row";
  return values.size === 1 ? `it is ${[...values][0]} in every row` : undefined;
}
