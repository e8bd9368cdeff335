import { randomKey } from "../forecasting/random.ts";
import { stationaryBootstrap } from "../statistics/block-bootstrap.ts";
import { optimalBlockLengths } from "../statistics/block-length.ts";
import { moments } from "../statistics/sample.ts";

const DRAWS = 999;

/**
 * Chance of a mean difference of returns as large as the observed one if there were none, one-sided: small where the
 * first strategy really earned more on these bars. The differences are redrawn in blocks (stationary bootstrap, block
 * length by Politis and White), as they depend on each other, about a mean of 0:
 *
 *     p = (1 + number of draws with mean*(d) − mean(d) ≥ mean(d)) / (1 + 999)
 *
 * @param returns of both on the same bars, equally many
 * @returns null for fewer than 8 bars, which cannot tell; 1 where the two never differ
 * Source: A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application" (1997), section 4.4; the blocks as in
 * Politis & Romano (1994).
 */
export function superiorityPValue(returns: Float64Array, others: Float64Array, seed: number): number | null {
  if (returns.length < 8) return null;
  const differences = returns.map((each, t) => each - others[t]!);
  if (differences.every((each) => each === 0)) return 1;
  const { mean } = moments(differences);
  const { stationary } = optimalBlockLengths(differences);
  let reached = 0;
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const indexes = stationaryBootstrap(differences.length, stationary, randomKey(seed, draw));
    let sum = 0;
    for (const index of indexes) sum += differences[index]!;
    if (sum / differences.length - mean >= mean) reached += 1;
  }
  return (1 + reached) / (1 + DRAWS);
}
