import type { Metric } from "../../../shared/contracts/spec-detectors.ts";
import type { Score } from "../../../shared/contracts/telemetry.ts";
import type { ErrorBucket, Tally } from "../state.ts";
import { joined, plus, totalOf } from "./exact-sum.ts";

/** Larger figures are left out: their sums might overflow, and JSON knows no infinity. */
const LIMIT = 1e250;

/** What a score adds to a measure; undefined where it has not what the measure needs. */
const CONTRIBUTIONS: Readonly<Partial<Record<Metric, (score: Score) => number | undefined>>> = {
  mae: ({ error }) => Math.abs(error),
  mape: ({ abs_pct_error }) => abs_pct_error ?? undefined,
  pinball: ({ pinball }) => pinball,
  coverage: ({ in_interval }) => (in_interval ? 1 : 0),
  accuracy: ({ mean, actual }) => signed(mean, actual, (m, a) => (Math.sign(m) === Math.sign(a) ? 1 : 0)),
  precision: ({ mean, actual }) => signed(mean, actual, (m, a) => (m > 0 ? (a > 0 ? 1 : 0) : undefined)),
  sharpe: ({ mean, actual }) => signed(mean, actual, (m, a) => Math.sign(m) * a),
};

/** A bucket with one more score in it; the same one where the score's error is beyond all measure. */
export function withScore(
  bucket: ErrorBucket | undefined,
  start: number,
  score: Score,
  sequence: number,
  metrics: readonly Metric[],
): ErrorBucket | undefined {
  const square = score.error ** 2;
  if (!(square < LIMIT)) return bucket;
  const next: ErrorBucket = {
    start,
    n: (bucket?.n ?? 0) + 1,
    sse: plus(bucket?.sse ?? 0, square),
    first: Math.min(bucket?.first ?? sequence, sequence),
  };
  if (metrics.length === 0 && bucket?.tallies === undefined) return next;
  const tallies = { ...bucket?.tallies };
  for (const metric of metrics) {
    const value = CONTRIBUTIONS[metric]?.(score);
    if (value !== undefined && value ** 2 < LIMIT)
      tallies[metric] = tallied(tallies[metric], value, metric === "sharpe");
  }
  return { ...next, tallies };
}

/** Number of scores, sum and sum of squares of a measure over buckets. */
export interface Pooled {
  readonly n: number;
  readonly total: number;
  readonly squares: number;
}

/** One measure over buckets; squared errors for `rmse`. */
export function pooled(buckets: readonly ErrorBucket[], metric: Metric): Pooled {
  const tallies = buckets.flatMap((bucket): readonly Pick<Tally, "n" | "total" | "squares">[] => {
    if (metric === "rmse") return [{ n: bucket.n, total: bucket.sse }];
    const tally = bucket.tallies?.[metric === "mase" ? "mae" : metric];
    return tally === undefined ? [] : [tally];
  });
  return {
    n: tallies.reduce((sum, { n }) => sum + n, 0),
    total: totalOf(joined(tallies.map(({ total }) => total))),
    squares: totalOf(joined(tallies.map(({ squares }) => squares ?? 0))),
  };
}

function tallied(tally: Tally | undefined, value: number, squared: boolean): Tally {
  const { n = 0, total = 0, squares = 0 } = tally ?? {};
  const next = { n: n + 1, total: plus(total, value) };
  return squared ? { ...next, squares: plus(squares, value ** 2) } : next;
}

function signed(
  mean: number | undefined,
  actual: number | undefined,
  measure: (mean: number, actual: number) => number | undefined,
): number | undefined {
  return mean === undefined || actual === undefined ? undefined : measure(mean, actual);
}
