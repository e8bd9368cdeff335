import { normalQuantile } from "../forecasting/normal.ts";
import { autocorrelationTime } from "./autocorrelation.ts";
import { median, requireFinite } from "./sample.ts";

/** Points beyond which runs of neighbours are pooled to their medians, so that pairs stay below 80,000. */
const MAX_POINTS = 400;

export interface Trend {
  /** unit of y per unit of x */
  readonly slope: number;
  /** y at x = 0, through the medians of x and y */
  readonly intercept: number;
  /** confidence bounds of the slope; equal to it for two points */
  readonly lowerSlope: number;
  readonly upperSlope: number;
  /** the point every line of the band goes through */
  readonly centre: { readonly x: number; readonly y: number };
  /** x of the last point */
  readonly lastX: number;
}

/**
 * Theil–Sen trend: the median of the slopes between all pairs of points. Up to 29 % of wild points do not move it.
 *
 * The confidence band is Sen's, from the variance of Kendall's S without ties, n (n − 1)(2 n + 5) / 18, times the
 * autocorrelation time τ of the residuals: without τ a wandering series shows a trend it has not. Beyond 400 points
 * runs of neighbours are replaced by their medians first, so time is O(n log n); the result depends on the points
 * alone.
 *
 * @param points     x ascending, finite
 * @param confidence of the band, in (0, 1)
 * @returns null where no two points differ in x: no trend to tell
 * @throws {RangeError} for NaN or infinite coordinates
 *
 * Sources: Sen, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63 (1968);
 * Hamed & Rao, "A modified Mann–Kendall trend test for autocorrelated data", J. Hydrology 204 (1998), for τ.
 */
export function theilSen(
  points: readonly (readonly [x: number, y: number])[],
  confidence = 0.95,
): Trend | null {
  if (points.length < 2) return null;
  requireFinite(points.flat(), "series of points");
  const pooled = pool(points);
  const slopes = pairSlopes(pooled);
  if (slopes.length === 0) return null;
  const x = median(pooled.map((point) => point[0]));
  const y = median(pooled.map((point) => point[1]));
  const slope = median(slopes);
  const tau = autocorrelationTime(pooled.map((point) => point[1] - slope * point[0]));
  const n = pooled.length;
  const spread = normalQuantile((1 + confidence) / 2) * Math.sqrt((tau * n * (n - 1) * (2 * n + 5)) / 18);
  const last = slopes.length - 1;
  const lower = Math.round((slopes.length - spread) / 2) - 1;
  const upper = Math.round((slopes.length + spread) / 2);
  return {
    slope,
    intercept: y - slope * x,
    lowerSlope: Math.min(slope, slopes[Math.max(0, Math.min(last, lower))]!),
    upperSlope: Math.max(slope, slopes[Math.min(last, Math.max(0, upper))]!),
    centre: { x, y },
    lastX: points.at(-1)![0],
  };
}

export interface Crossing {
  /** x at which the trend reaches the threshold; the last point's x where it is there already */
  readonly at: number;
  /** the same by the steepest slope of the band */
  readonly earliest: number;
  /** the same by the flattest; null where the flattest never gets there, so the crossing is not certain */
  readonly latest: number | null;
}

/**
 * When a rising trend reaches a threshold (A-FUT-2): x* = (threshold − intercept) / slope, with the x of both ends
 * of the slope's band. For a falling figure pass the negated trend and threshold.
 *
 * @returns null where the trend does not rise and is not there yet
 */
export function crossingTime(trend: Trend, threshold: number): Crossing | null {
  const { slope, lowerSlope, upperSlope, centre, lastX } = trend;
  const reached = (by: number): number | null => {
    if (centre.y + by * (lastX - centre.x) >= threshold) return lastX;
    return by > 0 ? centre.x + (threshold - centre.y) / by : null;
  };
  const at = reached(slope);
  if (at === null) return null;
  return { at, earliest: Math.min(at, reached(upperSlope) ?? at), latest: reached(lowerSlope) };
}

function pool(points: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const run = Math.ceil(points.length / MAX_POINTS);
  if (run === 1) return points;
  return Array.from({ length: Math.ceil(points.length / run) }, (_, k) => {
    const part = points.slice(k * run, (k + 1) * run);
    return [median(part.map(([x]) => x)), median(part.map(([, y]) => y))] as const;
  });
}

/** Slopes of all pairs that differ in x, ascending. */
function pairSlopes(points: readonly (readonly [number, number])[]): Float64Array {
  const slopes = new Float64Array((points.length * (points.length - 1)) / 2);
  let count = 0;
  for (const [i, [x, y]] of points.entries())
    for (let j = i + 1; j < points.length; j += 1) {
      const run = points[j]![0] - x;
      if (run !== 0) slopes[count++] = (points[j]![1] - y) / run;
    }
  return slopes.subarray(0, count).sort();
}
