import type { Table } from "../tabular/table.ts";
import { fillBins } from "./bins.ts";
import { GROUP } from "./histogram.ts";

/** The binned rows that trees are grown on. */
export interface BinnedRows {
  /** [features / 4, rounded up] of [rows]: bins of four features, the first in the lowest byte */
  readonly words: readonly Int32Array[];
  /** [features]: upper edges of the bins */
  readonly edges: readonly Float32Array[];
  /** [features]: bins, the one of missing values among them */
  readonly binCounts: Int32Array;
  readonly rows: number;
}

/** Looks up the first `rows` rows of a table. */
export function binRows({ columns }: Table, edges: readonly Float32Array[], rows: number): BinnedRows {
  const words = Array.from({ length: Math.ceil(columns.length / GROUP) }, () => new Int32Array(rows));
  const bins = new Uint8Array(rows);
  columns.forEach((column, f) => {
    fillBins(column.subarray(0, rows), edges[f]!, bins);
    const group = words[Math.floor(f / GROUP)]!;
    const shift = shiftOf(f);
    for (let row = 0; row < rows; row += 1) group[row]! |= bins[row]! << shift;
  });
  // One bin more than edges for values, and one for those that are missing.
  return { words, edges, binCounts: Int32Array.from(edges, (each) => each.length + 2), rows };
}

/** Bits that a feature's bin is shifted by in its group's words. */
export function shiftOf(feature: number): number {
  return 8 * (feature % GROUP);
}
