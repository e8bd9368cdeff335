/** Values are looked up in bins: a split is a bin's upper edge, so that a histogram of bins is all a tree must see. */

/** Bin of missing values; bin b > 0 holds the values in (edge b − 2, edge b − 1]. */
export const MISSING_BIN = 0;
/** Bins of values; with the one for missing values they fill a byte. */
export const MAX_BINS = 255;
/** Values that edges are taken from; quantiles of more of them are the same edges. */
const SAMPLE = 50_000;

/**
 * Upper edges of the bins of one feature, the last bin's (∞) left out: halfway between neighbours where there are at
 * most `maxBins` distinct values, else such that each bin holds about as many rows. Edges are float32, as the values
 * are, so `value <= edge` is decided alike here and in ONNX.
 *
 * @param column NaN is missing; a column without two different values has no edges
 * @returns ascending, at most maxBins − 1
 */
export function binEdges(column: Float32Array, maxBins: number): Float32Array {
  const sorted = sampleOf(column).sort();
  const observed = sorted.length - countNaN(sorted);
  // Edge k closes a bin once the rows so far are its share of all; with few distinct values each closes one.
  const share = countDistinct(sorted, observed) <= maxBins ? 0 : observed / maxBins;
  const edges: number[] = [];
  for (let i = 1; i < observed; i += 1)
    if (sorted[i] !== sorted[i - 1] && i >= share * (edges.length + 1))
      edges.push(between(sorted[i - 1]!, sorted[i]!));
  return Float32Array.from(edges);
}

/** The bin of each value, written to `bins`. */
export function fillBins(column: Float32Array, edges: Float32Array, bins: Uint8Array): void {
  const count = edges.length;
  for (let row = 0; row < column.length; row += 1) {
    const value = column[row]!;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= edges[middle]!) high = middle;
      else low = middle + 1;
    }
    bins[row] = Number.isNaN(value) ? MISSING_BIN : low + 1;
  }
}

/** Every n-th value of a long column. */
function sampleOf(column: Float32Array): Float32Array {
  const stride = Math.ceil(column.length / SAMPLE);
  if (stride <= 1) return column.slice();
  const taken = new Float32Array(Math.floor(column.length / stride));
  for (let i = 0; i < taken.length; i += 1) taken[i] = column[i * stride]!;
  return taken;
}

/** NaN sorts last. */
function countNaN(sorted: Float32Array): number {
  let count = 0;
  while (count < sorted.length && Number.isNaN(sorted[sorted.length - 1 - count]!)) count += 1;
  return count;
}

function countDistinct(sorted: Float32Array, observed: number): number {
  let count = Math.min(observed, 1);
  for (let i = 1; i < observed; i += 1) if (sorted[i] !== sorted[i - 1]) count += 1;
  return count;
}

/** A float32 in [low, high): the middle, where the rounded middle is neither `high` nor undefined. */
function between(low: number, high: number): number {
  const middle = Math.fround(low / 2 + high / 2);
  return middle >= low && middle < high ? middle : low;
}
