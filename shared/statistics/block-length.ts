import { moments } from "./sample.ts";

/** Autocorrelations below c √(log₁₀ n / n) count as none; the paper's c. */
const INSIGNIFICANT = 2;

export interface BlockLengths {
  /** mean length for the stationary bootstrap, in steps */
  readonly stationary: number;
  /** length for the circular and the moving block bootstrap, in steps */
  readonly circular: number;
}

/**
 * Block lengths that make the bootstrap variance of a mean most exact, by the flat-top lag window λ:
 *
 *     b = (2 G² / D)^{1/3} n^{1/3},  G = Σ λ(k/M) |k| R(k),  g = Σ λ(k/M) R(k),  D = 2 g² or 4/3 g² (circular)
 *
 * where R are autocovariances and M is twice the lag after which K_n in a row are insignificant. Not rounded, at
 * least 1, at most ⌈min(3 √n, n / 3)⌉.
 *
 * @param values in order of time
 * @returns 1 for fewer than 8 values and for a constant series
 * @throws {RangeError} when the values are none or hold NaN or an infinity
 *
 * Sources: Politis & White, "Automatic block-length selection for the dependent bootstrap", Econometric Reviews 23
 * (2004), section 3; Patton, Politis & White's correction, ibid. 28 (2009).
 */
export function optimalBlockLengths(values: ArrayLike<number>): BlockLengths {
  const { n, mean } = moments(values, "series");
  if (n < 8) return { stationary: 1, circular: 1 };
  const quietLags = Math.max(5, Math.ceil(Math.sqrt(Math.log10(n))));
  const maxLag = Math.min(n - 1, Math.ceil(Math.sqrt(n)) + quietLags);
  const covariances = Float64Array.from({ length: maxLag + 1 }, (_, k) => {
    let sum = 0;
    for (let t = k; t < n; t += 1) sum += (values[t]! - mean) * (values[t - k]! - mean);
    return sum / n;
  });
  if (!(covariances[0]! > 0)) return { stationary: 1, circular: 1 };

  const bandwidth = Math.min(2 * lastLag(covariances, n, quietLags), maxLag);
  let weighted = 0;
  let spectrum = covariances[0]!;
  for (let k = 1; k <= bandwidth; k += 1) {
    const flatTop = Math.min(1, 2 * (1 - k / bandwidth));
    weighted += 2 * flatTop * k * covariances[k]!;
    spectrum += 2 * flatTop * covariances[k]!;
  }
  const longest = Math.ceil(Math.min(3 * Math.sqrt(n), n / 3));
  const length = (d: number) => {
    const best = ((2 * weighted ** 2) / (d * spectrum ** 2)) ** (1 / 3) * n ** (1 / 3);
    return Math.min(longest, Math.max(1, best));
  };
  return { stationary: length(2), circular: length(4 / 3) };
}

/** The smallest lag after which `quietLags` autocorrelations in a row are insignificant, at least 1. */
function lastLag(covariances: Float64Array, n: number, quietLags: number): number {
  const bound = INSIGNIFICANT * Math.sqrt(Math.log10(n) / n) * covariances[0]!;
  let quiet = 0;
  for (let k = 1; k < covariances.length; k += 1) {
    quiet = Math.abs(covariances[k]!) < bound ? quiet + 1 : 0;
    if (quiet === quietLags) return Math.max(1, k - quietLags);
  }
  // Never quiet: the longest lag that still speaks.
  return Math.max(
    1,
    covariances.findLastIndex((each) => Math.abs(each) > bound),
  );
}
