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
  return screened(table, (name, column) => {
    const strength = strengths.get(name);
    if (strength === undefined) return single(column);
    return single(column) ?? `it is the label: it orders rows alike (${strength.toFixed(4)} of 1)`;
  });
}

/**
 * Features that hold a single value alone: for rows made where nothing later than their cutoff can be seen, in which a
 * feature that tells the label by itself is a good one.
 */
export function screenConstants(table: Table): Screened[] {
  return screened(table, (_, column) => single(column));
}

function screened(
  { names, columns }: Table,
  reasonOf: (name: string, column: Float32Array) => string | undefined,
): Screened[] {
  return names.flatMap((name, f): Screened[] => {
    const because = reasonOf(name, columns[f]!);
    return because === undefined ? [] : [{ name, because }];
  });
}

function single(column: Float32Array): string | undefined {
  const values = new Set(column.filter(Number.isFinite));
  if (values.size === 0) return "it has no value in any row";
  return values.size === 1 ? `it is ${[...values][0]} in every row` : undefined;
}
