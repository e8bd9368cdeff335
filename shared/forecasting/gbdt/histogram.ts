/**
 * Sums of gradients and hessians by bin: where boosting spends its time. Three things make it quick. Bins of four
 * features lie in one 32-bit word, so that a row is looked up once for four sums. Where all hessians are 1, gradient
 * and count are one number, so that a bin takes one addition. And gradients are fixed-point numbers then, so that every
 * sum is exact, whatever its order.
 */

/** Doubles of one feature's histogram: sum of gradients and of hessians, interleaved, for each of 256 bins. */
export const FEATURE_STRIDE = 512;
/** Features in one word. */
export const GROUP = 4;

/** Below this many rows unpacking 256 bins costs more than packing gains. */
const FEW_ROWS = 512;
/** Bits that a fixed-point gradient must have to be as good as a float; with more rows than leave them nothing is packed. */
const MIN_BITS = 16;

/** How gradients of hessian 1 become integers that carry a count: Σ (gradient · 2^exponent + unit). */
export interface Packing {
  /** a power of two: gradients are multiples of 1 / scale */
  readonly scale: number;
  /** a power of two, above twice the sum of all |gradient| · scale */
  readonly unit: number;
}

/** Gradients and hessians of one node's rows, in their order. */
export interface NodeRows {
  readonly rows: Int32Array;
  readonly gradient: Float64Array;
  /** null: 1 for each */
  readonly hessian: Float64Array | null;
  /** null where gradients are no fixed-point numbers */
  readonly packing: Packing | null;
}

/**
 * Rounds gradients to fixed-point numbers, in place, of 52 − 2 log2(rows) bits. With n rows a count takes log2(n) of
 * the 53 bits of a double, and the growth of a sum of n gradients as many.
 *
 * @returns null, and leaves the gradients alone, where fewer than 16 bits are left: from 2^18 rows on
 */
export function toFixedPoint(gradient: Float64Array): Packing | null {
  const rowBits = Math.ceil(Math.log2(gradient.length + 1));
  const bits = 52 - 2 * rowBits;
  let largest = 0;
  for (let i = 0; i < gradient.length; i += 1) largest = Math.max(largest, Math.abs(gradient[i]!));
  if (bits < MIN_BITS || largest === 0) return null;
  const scale = 2 ** (bits - Math.ceil(Math.log2(largest)));
  for (let i = 0; i < gradient.length; i += 1) gradient[i] = Math.round(gradient[i]! * scale) / scale;
  return { scale, unit: 2 ** (53 - rowBits) };
}

/** Room that histograms are summed in before they are unpacked. */
export class HistogramScratch {
  readonly packed = new Float64Array(GROUP * 256);
  readonly values: Float64Array;

  constructor(rows: number) {
    this.values = new Float64Array(rows);
  }
}

/**
 * Sums by bin, for every feature of the given groups.
 *
 * @param words     [groups] of [rows]: bin of the group's first feature in the lowest byte
 * @param histogram [groups · GROUP · FEATURE_STRIDE]
 */
export function fillHistogram(
  words: readonly Int32Array[],
  groups: Int32Array,
  node: NodeRows,
  histogram: Float64Array,
  scratch: HistogramScratch,
): void {
  const { rows, gradient, hessian, packing } = node;
  const size = GROUP * FEATURE_STRIDE;
  const packs = packing !== null && rows.length >= FEW_ROWS;
  const values = packs ? pack(gradient, packing, scratch.values) : gradient;
  for (const group of groups) {
    const sums = histogram.subarray(group * size, (group + 1) * size);
    if (packs) {
      sumPacked(words[group]!, rows, values, scratch.packed.fill(0));
      unpack(scratch.packed, packing, sums);
    } else if (hessian === null) sumCounted(words[group]!, rows, gradient, sums.fill(0));
    else sumWeighted(words[group]!, rows, gradient, hessian, sums.fill(0));
  }
}

/** The sibling's histogram: parent − child, written over the parent's. */
export function subtractHistogram(
  parent: Float64Array,
  child: Float64Array,
  features: Int32Array,
  binCounts: Int32Array,
): void {
  for (const feature of features) {
    const from = feature * FEATURE_STRIDE;
    const to = from + 2 * binCounts[feature]!;
    for (let i = from; i < to; i += 1) parent[i]! -= child[i]!;
  }
}

function pack(gradient: Float64Array, { scale, unit }: Packing, room: Float64Array): Float64Array {
  const values = room.subarray(0, gradient.length);
  for (let i = 0; i < values.length; i += 1) values[i] = gradient[i]! * scale + unit;
  return values;
}

/** A sum of gradients is less than half a unit, so rounding parts it from the count. */
function unpack(packed: Float64Array, { scale, unit }: Packing, sums: Float64Array): void {
  for (let bin = 0; bin < packed.length; bin += 1) {
    const value = packed[bin]!;
    const count = Math.floor(value / unit + 0.5);
    sums[2 * bin] = (value - count * unit) / scale;
    sums[2 * bin + 1] = count;
  }
}

function sumPacked(words: Int32Array, rows: Int32Array, values: Float64Array, sums: Float64Array): void {
  for (let i = 0; i < rows.length; i += 1) {
    const word = words[rows[i]!]!;
    const value = values[i]!;
    sums[word & 255]! += value;
    sums[256 + ((word >>> 8) & 255)]! += value;
    sums[512 + ((word >>> 16) & 255)]! += value;
    sums[768 + (word >>> 24)]! += value;
  }
}

function sumCounted(words: Int32Array, rows: Int32Array, gradient: Float64Array, sums: Float64Array): void {
  for (let i = 0; i < rows.length; i += 1) {
    const word = words[rows[i]!]!;
    const g = gradient[i]!;
    const a = (word & 255) << 1;
    const b = 512 + (((word >>> 8) & 255) << 1);
    const c = 1024 + (((word >>> 16) & 255) << 1);
    const d = 1536 + ((word >>> 24) << 1);
    sums[a]! += g;
    sums[a + 1]! += 1;
    sums[b]! += g;
    sums[b + 1]! += 1;
    sums[c]! += g;
    sums[c + 1]! += 1;
    sums[d]! += g;
    sums[d + 1]! += 1;
  }
}

function sumWeighted(
  words: Int32Array,
  rows: Int32Array,
  gradient: Float64Array,
  hessian: Float64Array,
  sums: Float64Array,
): void {
  for (let i = 0; i < rows.length; i += 1) {
    const word = words[rows[i]!]!;
    const g = gradient[i]!;
    const h = hessian[i]!;
    const a = (word & 255) << 1;
    const b = 512 + (((word >>> 8) & 255) << 1);
    const c = 1024 + (((word >>> 16) & 255) << 1);
    const d = 1536 + ((word >>> 24) << 1);
    sums[a]! += g;
    sums[a + 1]! += h;
    sums[b]! += g;
    sums[b + 1]! += h;
    sums[c]! += g;
    sums[c + 1]! += h;
    sums[d]! += g;
    sums[d + 1]! += h;
  }
}
