import { autocorrelationTime } from "./autocorrelation.ts";
import { type Buckets, bucketsFor, countByBucket, valuesByBucket } from "./value-buckets.ts";

/** Values of both samples together below which sorting is quicker than counting. */
const FEW = 1_024;
/** Values below which inserting one by one is quicker than calling a sort. */
const SHORT = 40;
/** Rounds of buckets within a bucket before what is left is sorted; data in need of more has been made up. */
const MAX_ROUNDS = 6;

/** A reference made ready to be compared with many samples, see `ksReference`. */
export interface KsReference {
  readonly sorted: Float64Array;
  readonly buckets: Buckets;
  readonly counts: Uint32Array;
  /** τ of the values in steps; 1 where it was not asked for */
  readonly autocorrelationTime: number;
}

/** Where a part of two samples of n and m values begins: i and j values lie below it. */
interface Offset {
  readonly i: number;
  readonly n: number;
  readonly j: number;
  readonly m: number;
}

/**
 * D = max |F_n − G_m| of two samples in any order: exact, in O(n + m) on ordinary data, since it does not sort them.
 *
 * Values are counted in buckets. Inside a bucket that holds a and b values of the samples, F_n − G_m stays between
 * d − b/m and d + a/n, where d is its value at the left border; only buckets in which that may beat the largest
 * difference at any border are looked into: by buckets again, or by sorting where few values are left. Ties and
 * infinities are fine.
 *
 * @throws {RangeError} when a sample is empty or holds NaN
 */
export function ksDistance(sample: Float64Array, reference: Float64Array): number {
  requireOrdered(sample, "sample");
  requireOrdered(reference, "reference");
  return largestInside(sample, reference, { i: 0, n: sample.length, j: 0, m: reference.length }, 0, 0);
}

/**
 * Sorts and counts a reference once, for `ksDistanceTo` and `ksTwoSample`.
 *
 * @param values in order of time where `effectiveSize`, which settles τ as well; not changed
 * @throws {RangeError} when it is empty or holds NaN
 */
export function ksReference(
  values: ArrayLike<number>,
  options: { readonly effectiveSize?: boolean } = {},
): KsReference {
  const sorted = Float64Array.from(values).sort();
  requireOrdered(sorted, "reference");
  const buckets = bucketsFor(sorted, sorted);
  const tau = options.effectiveSize ? autocorrelationTime(values) : 1;
  return { sorted, buckets, counts: countByBucket(sorted, buckets), autocorrelationTime: tau };
}

/** D of a sample to a prepared reference, in one or two passes over the sample; see `ksDistance`. */
export function ksDistanceTo(sample: Float64Array, { sorted, buckets, counts }: KsReference): number {
  requireOrdered(sample, "sample");
  const own = countByBucket(sample, buckets);
  const whole = { i: 0, n: sample.length, j: 0, m: sorted.length };
  return largestOverBuckets(own, counts, whole, 0, 0, (wanted) => {
    const part = valuesByBucket(sample, buckets, own, wanted);
    return (k, { j }) => [part(k), sorted.subarray(j, j + counts[k]!)];
  });
}

/** D of two ascending samples, and whether any two values are equal. One pass, O(n + m). */
export function ksDistanceOfSorted(a: Float64Array, b: Float64Array): { distance: number; ties: boolean } {
  let i = 0;
  let j = 0;
  let distance = 0;
  let ties = false;
  while (i < a.length && j < b.length) {
    const at = Math.min(a[i]!, b[j]!);
    const before = i + j;
    while (i < a.length && a[i]! === at) i += 1;
    while (j < b.length && b[j]! === at) j += 1;
    if (i + j - before > 1) ties = true;
    distance = Math.max(distance, Math.abs(i / a.length - j / b.length));
  }
  return { distance, ties: ties || repeats(a, i) || repeats(b, j) };
}

/** The largest difference inside a part of both samples, or `atLeast` where that is larger. */
function largestInside(
  a: Float64Array,
  b: Float64Array,
  offset: Offset,
  atLeast: number,
  round: number,
): number {
  if (a.length + b.length <= FEW || round === MAX_ROUNDS) return largestBySorting(a, b, offset, atLeast);
  const buckets = bucketsFor(a, b);
  if (buckets.perUnit === 0) {
    // The differences before and after a single value are those at the part's borders, which have been looked at.
    const single = round > 0 && allEqual(a, a[0] ?? b[0]!) && allEqual(b, a[0] ?? b[0]!);
    return single ? atLeast : largestBySorting(a, b, offset, atLeast);
  }
  const countsA = countByBucket(a, buckets);
  const countsB = countByBucket(b, buckets);
  return largestOverBuckets(countsA, countsB, offset, atLeast, round, (wanted) => {
    const partA = valuesByBucket(a, buckets, countsA, wanted);
    const partB = valuesByBucket(b, buckets, countsB, wanted);
    return (k) => [partA(k), partB(k)];
  });
}

function largestOverBuckets(
  countsA: Uint32Array,
  countsB: Uint32Array,
  offset: Offset,
  atLeast: number,
  round: number,
  partsOf: (wanted: Uint8Array) => (bucket: number, at: Offset) => readonly [Float64Array, Float64Array],
): number {
  const { n, m } = offset;
  let largest = atLeast;
  for (let k = 0, { i, j } = offset; k < countsA.length; k += 1) {
    i += countsA[k]!;
    j += countsB[k]!;
    const difference = Math.abs(i / n - j / m);
    if (difference > largest) largest = difference;
  }
  const wanted = new Uint8Array(countsA.length);
  const open: { bucket: number; at: Offset }[] = [];
  for (let k = 0, { i, j } = offset; k < countsA.length; k += 1) {
    const [inA, inB] = [countsA[k]!, countsB[k]!];
    if ((i + inA) / n - j / m > largest || (j + inB) / m - i / n > largest) {
      wanted[k] = 1;
      open.push({ bucket: k, at: { i, n, j, m } });
    }
    i += inA;
    j += inB;
  }
  if (open.length === 0) return largest;
  const parts = partsOf(wanted);
  for (const { bucket, at } of open) {
    const [a, b] = parts(bucket, at);
    largest = largestInside(a, b, at, largest, round + 1);
  }
  return largest;
}

function largestBySorting(a: Float64Array, b: Float64Array, { i, n, j, m }: Offset, atLeast: number): number {
  const [x, y] = [ascending(a), ascending(b)];
  let largest = atLeast;
  let p = 0;
  let q = 0;
  while (p < x.length && q < y.length) {
    const value = Math.min(x[p]!, y[q]!);
    while (p < x.length && x[p]! === value) p += 1;
    while (q < y.length && y[q]! === value) q += 1;
    largest = Math.max(largest, Math.abs((i + p) / n - (j + q) / m));
  }
  return largest;
}

function requireOrdered(values: Float64Array, name: string): void {
  if (values.length === 0) throw new RangeError(`the ${name} is empty`);
  // A sum is NaN where a value is, and where both infinities are.
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]!;
  if (Number.isNaN(sum) && values.some(Number.isNaN)) throw new RangeError(`the ${name} holds NaN`);
}

/** Sorted copy; the parts of most buckets are too short for the call of a sort to pay. */
function ascending(values: Float64Array): Float64Array {
  if (values.length > SHORT) return values.toSorted();
  const sorted = values.slice();
  for (let i = 1; i < sorted.length; i += 1) {
    const value = sorted[i]!;
    let k = i;
    for (; k > 0 && sorted[k - 1]! > value; k -= 1) sorted[k] = sorted[k - 1]!;
    sorted[k] = value;
  }
  return sorted;
}

function allEqual(values: Float64Array, value: number): boolean {
  for (let i = 0; i < values.length; i += 1) if (values[i] !== value) return false;
  return true;
}

function repeats(ascending: Float64Array, from: number): boolean {
  for (let k = Math.max(1, from); k < ascending.length; k += 1)
    if (ascending[k] === ascending[k - 1]) return true;
  return false;
}
