/** Values a range is estimated from, of each sample. */
const PROBES = 256;

/** Values a bucket holds on average, of both samples together. */
const PER_BUCKET = 32;
const LEAST_BUCKETS = 1_024;
/** More would no longer fit next to the processor, and counting would slow down. */
const MOST_BUCKETS = 65_536;

/** Buckets of equal width from a value on; the first and the last also hold all that lies outside. */
export interface Buckets {
  readonly from: number;
  /** 0 where all probed values are equal: everything is in the first bucket */
  readonly perUnit: number;
  readonly count: number;
}

/**
 * Buckets over the range that holds most of two samples. It is taken from some of their values without the outermost
 * of these, so that a few wild ones do not stretch it: a bad guess costs time, never exactness.
 */
export function bucketsFor(a: Float64Array, b: Float64Array): Buckets {
  const probes = new Float64Array(2 * PROBES);
  for (let k = 0; k < PROBES; k += 1) {
    probes[2 * k] = a[Math.floor((k * a.length) / PROBES)] ?? Number.NaN;
    probes[2 * k + 1] = b[Math.floor((k * b.length) / PROBES)] ?? Number.NaN;
  }
  const finite = probes.filter(Number.isFinite).sort();
  const edge = Math.floor(finite.length / 100);
  const low = finite[edge] ?? 0;
  const high = finite[finite.length - 1 - edge] ?? 0;
  const margin = (high - low) / 50;
  const wanted = Math.ceil((a.length + b.length) / PER_BUCKET);
  const count = Math.min(MOST_BUCKETS, Math.max(LEAST_BUCKETS, wanted));
  const perUnit = count / (high - low + 2 * margin);
  return { from: low - margin, perUnit: Number.isFinite(perUnit) ? perUnit : 0, count };
}

/** How many values lie in each bucket. */
export function countByBucket(values: Float64Array, { from, perUnit, count }: Buckets): Uint32Array {
  const counts = new Uint32Array(count);
  const last = count - 1;
  for (let i = 0; i < values.length; i += 1) counts[bucketAt((values[i]! - from) * perUnit, last)]! += 1;
  return counts;
}

/** The values of each wanted bucket, in the order they came in. */
export function valuesByBucket(
  values: Float64Array,
  { from, perUnit, count }: Buckets,
  counts: Uint32Array,
  wanted: Uint8Array,
): (bucket: number) => Float64Array {
  const ends = new Uint32Array(count);
  const last = count - 1;
  let total = 0;
  for (let k = 0; k < count; k += 1) {
    ends[k] = total;
    if (wanted[k] === 1) total += counts[k]!;
  }
  const kept = new Float64Array(total);
  for (let i = 0; i < values.length; i += 1) {
    const bucket = bucketAt((values[i]! - from) * perUnit, last);
    if (wanted[bucket] === 1) kept[ends[bucket]!++] = values[i]!;
  }
  return (bucket) => kept.subarray(ends[bucket]! - counts[bucket]!, ends[bucket]!);
}

/**
 * Rounding is monotone, so a smaller value never comes into a later bucket. An infinity times 0 is NaN, and comes
 * into the first one like everything else then.
 */
function bucketAt(place: number, last: number): number {
  return Math.max(0, Math.min(place, last)) | 0;
}
