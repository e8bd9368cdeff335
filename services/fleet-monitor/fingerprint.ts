import { PRINT_METRICS } from "./fleet-level.ts";

/** Mean and variance of each metric. */
export const PRINT_SIZE = 2 * PRINT_METRICS;

/** A fingerprint shows the last days, not the whole life: weights fall by 1/e in this time. */
const MEMORY_MS = 3 * 86_400_000;

/**
 * Takes the standing of one observation into a fingerprint: exponentially weighted mean and variance,
 *
 *     w = max(1 / n, min(1/2, gap / 3 d))    mean += w (x - mean)    var = (1 - w) (var + w (x - mean)^2)
 *
 * so that the first ones count alike and later ones by the time they stand for. Metrics that are absent leave
 * theirs as it is; NaN in a fingerprint means: not seen yet.
 *
 * @param standing of each metric
 * @param observations how many the entity has, with this one
 * @param gapMs usual time between its observations, 0 while unknown
 */
export function imprint(
  print: Float32Array,
  standing: Float64Array,
  observations: number,
  gapMs: number,
): void {
  const weight = Math.max(1 / observations, Math.min(0.5, gapMs / MEMORY_MS));
  for (let m = 0; m < PRINT_METRICS; m += 1) {
    const value = standing[m]!;
    if (Number.isNaN(value)) continue;
    const mean = print[2 * m]!;
    if (Number.isNaN(mean)) {
      print[2 * m] = value;
      print[2 * m + 1] = 0;
    } else {
      const change = value - mean;
      print[2 * m] = mean + weight * change;
      print[2 * m + 1] = (1 - weight) * (print[2 * m + 1]! + weight * change * change);
    }
  }
}

/**
 * How unlike two fingerprints are; 0 is alike, Infinity where they share no metric.
 *
 *     average over metrics of  |mean_a - mean_b| / s + |ln (sd_a / sd_b)|    s^2 = (var_a + var_b) / 2
 *
 * Dimensionless: levels are told apart in units of the entities' own spread (Cohen's d).
 */
export function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  let metrics = 0;
  for (let m = 0; m < PRINT_METRICS; m += 1) {
    const apart = Math.abs(a[2 * m]! - b[2 * m]!);
    if (Number.isNaN(apart)) continue;
    const [spreadA, spreadB] = [spread(a, m), spread(b, m)];
    sum += (Math.SQRT2 * apart) / Math.hypot(spreadA, spreadB) + Math.abs(Math.log(spreadA / spreadB));
    metrics += 1;
  }
  return metrics === 0 ? Number.POSITIVE_INFINITY : sum / metrics;
}

/** Standard deviation, and a thousandth of the fleet's: a constant has none. */
function spread(print: Float32Array, m: number): number {
  return Math.sqrt(print[2 * m + 1]!) + 1e-3;
}
