import { ranks } from "../../statistics/autocorrelation.ts";
import type { Table } from "./table.ts";

/** A feature that tells the label by itself. */
export interface Suspect {
  readonly feature: string;
  /** |rank correlation| with the label, for two classes 2 |AUC − ½|: 1 orders the rows as the label does */
  readonly strength: number;
}

/** No honest feature parts two classes so well. */
const PARTS = 0.995;
/** A number may be foretold very well; what orders all rows alike is the number itself in another unit. */
const ORDERS = 1 - 1e-6;

/**
 * Features that order the rows as the label does: the label itself, a copy of it in another unit, or something only
 * known once the label is, such as the very return whose sign is the label. Sorted by strength.
 *
 * For labels of two classes strength is 2 |AUC − ½|, and suspect from 0.995 on; for others Spearman's |ρ|, and suspect
 * from 1 − 10⁻⁶ on. Ties count by their mean rank, and rows where the feature is missing are left out. A constant label
 * or feature tells nothing. That a value is missing may tell the label too: this is not looked at.
 *
 * @param labels [rows], finite
 */
export function suspectFeatures({ names, columns }: Table, labels: ArrayLike<number>): Suspect[] {
  const twoClasses = new Set(Array.from(labels)).size === 2;
  return columns
    .map((column, f) => ({ feature: names[f]!, strength: strengthOf(column, labels, twoClasses) }))
    .filter(({ strength }) => strength >= (twoClasses ? PARTS : ORDERS))
    .sort((a, b) => b.strength - a.strength);
}

function strengthOf(column: Float32Array, labels: ArrayLike<number>, twoClasses: boolean): number {
  const rows = Array.from(column.keys()).filter((row) => !Number.isNaN(column[row]!));
  const x = ranks(rows.map((row) => column[row]!));
  const y = ranks(rows.map((row) => labels[row]!));
  const middle = (rows.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < rows.length; i += 1) {
    const [dx, dy] = [x[i]! - middle, y[i]! - middle];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  if (xx === 0 || yy === 0) return 0;
  // Two classes have mean ranks n / 2 apart, which makes the slope of x on y the difference of AUC and 1 - AUC.
  return Math.abs(xy) / (twoClasses ? yy : Math.sqrt(xx * yy));
}
