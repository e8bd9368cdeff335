import { NINE_LEVELS } from "../quantile-forecast.ts";
import { addRow, emptyProducts, ridgeRegression } from "../ridge-regression.ts";
import { type Anchor, anchorOf, type Normalisation, normalised } from "./anchor.ts";
import type { Window, WindowPlan } from "./windows.ts";

/** A direct multi-step linear forecaster: one set of weights for each step ahead, on anchored windows. */
export interface LinearModel {
  readonly contextLength: number;
  /** steps predicted at once */
  readonly block: number;
  readonly normalisation: Normalisation;
  /** [1 + contextLength, block] row-major, the intercept first */
  readonly weights: Float64Array;
  /** [levels, block] row-major: what to add for each of the nine levels, in scales of the window */
  readonly offsets: Float64Array;
}

export interface FittedLinear {
  readonly model: LinearModel;
  /** windows that the kept weights were fitted to */
  readonly rows: number;
  readonly heldOutRows: number;
  /** mean absolute error on the windows held out, in scales of each window; null where there are none */
  readonly heldOutMae: number | null;
}

/** Windows much calmer than their series would count for more than all others together. */
const CALMEST = 0.05;

/**
 * Fits W in y = W [1, z], z a window and y the block after it, both anchored, by ridge regression.
 *
 * Intervals are conformal: a fit to the earlier windows is measured on the latest, and the empirical quantiles of its
 * errors there, one set for each step ahead, go around the forecasts of the weights that are kept, which are fitted to
 * all windows. The quantile at level τ of n errors is at position (n + 1) τ, linearly interpolated. Windows overlap, so
 * that n errors are worth fewer; the promise of coverage is that of errors that stay as they were.
 *
 * Only errors between two observed values count, the window's last and the target: in a hole both lie on the line that
 * bridges it, which is no error to be measured. A step that has no such errors has those of its interpolated values.
 *
 * Windows whose scale is below 5 % of their series' mean absolute change are left out. Constant series give weights
 * and offsets of 0: the anchor itself.
 *
 * Source: Vovk, Gammerman & Shafer, "Algorithmic learning in a random world" (2005), 4.1, for split conformal
 * prediction.
 */
export function fitLinear(plan: WindowPlan, normalisation: Normalisation, ridge: number): FittedLinear {
  const rowsOf = (windows: readonly Window[]) => anchoredRows(plan, windows, normalisation);
  const { weights: earlier } = solve(plan, rowsOf(plan.fitted), ridge);
  const measured: number[][] = Array.from({ length: plan.block }, () => []);
  const bridged: number[][] = Array.from({ length: plan.block }, () => []);
  let heldOutRows = 0;
  for (const { x, y, window } of rowsOf(plan.heldOut)) {
    heldOutRows += 1;
    const observed = plan.observed[window.series]!;
    const predicted = apply(earlier, x, plan.block);
    predicted.forEach((value, h) => {
      const known = observed[window.cutoff] === 1 && observed[window.cutoff + 1 + h] === 1;
      (known ? measured : bridged)[h]!.push(y[h]! - value);
    });
  }
  const errors = measured.map((ofStep, h) => (ofStep.length > 0 ? ofStep : bridged[h]!));
  const { weights, rows } = solve(plan, rowsOf(plan.all), ridge);
  const all = errors.flat();
  const { contextLength, block } = plan;
  return {
    model: { contextLength, block, normalisation, weights, offsets: conformalOffsets(errors) },
    rows,
    heldOutRows,
    heldOutMae: all.length === 0 ? null : all.reduce((sum, error) => sum + Math.abs(error), 0) / all.length,
  };
}

interface Row {
  readonly window: Window;
  /** [1 + contextLength] */
  readonly x: Float64Array;
  /** [block] */
  readonly y: Float64Array;
}

/** One row after another, in the same two arrays. */
function* anchoredRows(
  { series, contextLength, block }: WindowPlan,
  windows: readonly Window[],
  normalisation: Normalisation,
): Generator<Row> {
  const least = series.map((values) => CALMEST * anchorOf(values, "last").scale);
  const x = new Float64Array(1 + contextLength).fill(1);
  const y = new Float64Array(block);
  for (const each of windows) {
    const { series: s, cutoff } = each;
    const values = series[s]!;
    const window = values.subarray(cutoff + 1 - contextLength, cutoff + 1);
    const anchor: Anchor = anchorOf(window, normalisation);
    if (!(anchor.scale > least[s]!)) continue;
    for (let t = 0; t < contextLength; t += 1) x[1 + t] = normalised(window[t]!, anchor);
    for (let h = 0; h < block; h += 1) y[h] = normalised(values[cutoff + 1 + h]!, anchor);
    yield { window: each, x, y };
  }
}

function solve({ contextLength, block }: WindowPlan, rows: Iterable<Row>, ridge: number) {
  const products = emptyProducts(1 + contextLength, block);
  for (const { x, y } of rows) addRow(products, x, y);
  return { weights: ridgeRegression(products, ridge, new Set([0])), rows: products.rows };
}

function apply(weights: Float64Array, x: Float64Array, block: number): Float64Array {
  const y = new Float64Array(block);
  for (let i = 0; i < x.length; i += 1)
    for (let h = 0; h < block; h += 1) y[h]! += x[i]! * weights[i * block + h]!;
  return y;
}

function conformalOffsets(errors: readonly number[][]): Float64Array {
  const block = errors.length;
  const offsets = new Float64Array(NINE_LEVELS.length * block);
  errors.forEach((ofStep, h) => {
    const sorted = Float64Array.from(ofStep).sort();
    NINE_LEVELS.forEach((level, k) => {
      offsets[k * block + h] = conformalQuantile(sorted, level);
    });
  });
  return offsets;
}

/** @param sorted ascending; 0 for no errors */
function conformalQuantile(sorted: Float64Array, level: number): number {
  if (sorted.length === 0) return 0;
  const position = Math.min(Math.max((sorted.length + 1) * level - 1, 0), sorted.length - 1);
  const left = Math.floor(position);
  const right = Math.min(left + 1, sorted.length - 1);
  return sorted[left]! + (position - left) * (sorted[right]! - sorted[left]!);
}
