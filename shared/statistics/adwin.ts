export interface AdwinParams {
  /** δ, chance of a false cut at one check, in (0, 1) */
  readonly delta: number;
  /** values from one check to the next */
  readonly clock: number;
  /** buckets of one size that are kept before the two oldest are merged */
  readonly maxBuckets: number;
  /** values each side of a cut needs */
  readonly minSide: number;
  /** values the window needs before it is checked */
  readonly grace: number;
}

/** Defaults of River's detector. */
export const ADWIN_DEFAULTS: AdwinParams = { delta: 0.002, clock: 32, maxBuckets: 5, minSide: 5, grace: 10 };

/** Sum and Σ (x − mean)² of a run of consecutive values. */
type Bucket = readonly [sum: number, squares: number];

/** Plain numbers: it lives in a JSON state. About `maxBuckets` · log₂(window) buckets, whatever the stream's length. */
export interface AdwinState {
  /** `rows[r]` holds buckets of 2^r values, newest first; the last row is the oldest */
  readonly rows: readonly (readonly Bucket[])[];
  /** values in the window */
  readonly width: number;
  readonly sum: number;
  /** Σ (x − mean)² over the window */
  readonly squares: number;
  /** values seen since the first, for the clock */
  readonly seen: number;
}

export interface AdwinStep {
  readonly state: AdwinState;
  readonly alarm: boolean;
}

export function initialAdwin(): AdwinState {
  return { rows: [], width: 0, sum: 0, squares: 0, seen: 0 };
}

/**
 * ADWIN, adaptive windowing: keeps the longest window at whose every cut both sides could have one mean, and alarms
 * when it has to drop its oldest part. With n = width, σ² the window's variance, m = 1 / (1/n₀ + 1/n₁) and
 * δ' = δ / ln n the window is cut between n₀ old and n₁ new values when
 *
 *     |mean₀ − mean₁| > √((2/m) σ² ln(2/δ')) + (2/(3m)) ln(2/δ')
 *
 * The window is an exponential histogram, so cuts are tried between buckets only. The second term assumes values
 * spread over about [0, 1] or with a standard deviation near 1: scale them first. It takes values for independent:
 * on an autocorrelated stream it cuts far more often than δ says.
 *
 * @throws {RangeError} for NaN or an infinity, which would poison the window
 *
 * Source: Bifet & Gavaldà, "Learning from time-changing data with adaptive windowing", SIAM Data Mining 2007, section
 * 3.2 (variance bound) and 4 (exponential histogram). Parameters as in River's `ADWIN`.
 */
export function updateAdwin(state: AdwinState, value: number, params: AdwinParams): AdwinStep {
  if (!Number.isFinite(value)) throw new RangeError(`ADWIN takes finite values but got ${value}`);
  const added = insert(state, value, params.maxBuckets);
  if (added.seen % params.clock !== 0 || added.width <= params.grace) return { state: added, alarm: false };
  let window = added;
  while (mustShrink(window, params)) window = withoutOldest(window);
  return { state: window, alarm: window !== added };
}

function insert(state: AdwinState, value: number, maxBuckets: number): AdwinState {
  const { width, sum } = state;
  const squares = width === 0 ? 0 : state.squares + (width / (width + 1)) * (value - sum / width) ** 2;
  const rows = state.rows.slice();
  let carried: Bucket | undefined = [value, 0];
  for (let r = 0; carried !== undefined; r += 1) {
    const row: Bucket[] = [carried, ...(rows[r] ?? [])];
    carried = row.length > maxBuckets ? merge(row.pop()!, row.pop()!, 2 ** r) : undefined;
    rows[r] = row;
  }
  return { rows, width: width + 1, sum: sum + value, squares, seen: state.seen + 1 };
}

/** Two buckets of `size` values each as one. */
function merge([sumA, squaresA]: Bucket, [sumB, squaresB]: Bucket, size: number): Bucket {
  return [sumA + sumB, squaresA + squaresB + (sumA - sumB) ** 2 / (2 * size)];
}

/** Whether some border between buckets, from the oldest on, has two sides that cannot have one mean. */
function mustShrink(
  { rows, width, sum, squares }: AdwinState,
  { delta, minSide, grace }: AdwinParams,
): boolean {
  if (width <= grace) return false;
  const confidence = Math.log((2 * Math.log(width)) / delta);
  const variance = squares / width;
  let n0 = 0;
  let sum0 = 0;
  for (let r = rows.length - 1; r >= 0; r -= 1) {
    const row = rows[r]!;
    for (let k = row.length - 1; k >= 0; k -= 1) {
      n0 += 2 ** r;
      sum0 += row[k]![0];
      const n1 = width - n0;
      if (n1 < minSide) return false;
      if (n0 < minSide) continue;
      const inverse = 1 / (n0 - minSide + 1) + 1 / (n1 - minSide + 1);
      const bound = Math.sqrt(2 * inverse * variance * confidence) + (2 / 3) * inverse * confidence;
      if (Math.abs(sum0 / n0 - (sum - sum0) / n1) > bound) return true;
    }
  }
  return false;
}

function withoutOldest({ rows, width, sum, squares, seen }: AdwinState): AdwinState {
  const size = 2 ** (rows.length - 1);
  const oldestRow = rows.at(-1)!;
  const [oldestSum, oldestSquares] = oldestRow.at(-1)!;
  const left = width - size;
  const leftSum = sum - oldestSum;
  const apart = left === 0 ? 0 : ((size * left) / width) * (oldestSum / size - leftSum / left) ** 2;
  return {
    rows: oldestRow.length === 1 ? rows.slice(0, -1) : [...rows.slice(0, -1), oldestRow.slice(0, -1)],
    width: left,
    sum: leftSum,
    squares: Math.max(0, squares - oldestSquares - apart),
    seen,
  };
}
