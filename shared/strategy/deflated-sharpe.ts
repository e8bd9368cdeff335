import { normalQuantile } from "../forecasting/normal.ts";
import { normalCdf } from "../statistics/normal-law.ts";

const EULER_MASCHERONI = 0.5772156649015329;

export interface SharpeEvidence {
  /** of the chosen strategy, per bar, not per year */
  readonly sharpe: number;
  /** returns behind it */
  readonly count: number;
  readonly skewness: number;
  /** 3 for a normal law */
  readonly kurtosis: number;
  /** strategies that were tried, the chosen one included */
  readonly trials: number;
  /** of the trials' Sharpe ratios, per bar */
  readonly variance: number;
}

/**
 * Probability that a strategy's true Sharpe ratio is above that which the best of as many worthless strategies would
 * show by luck:
 *
 *     SR₀ = √V ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e)))
 *     DSR = Φ((SR − SR₀) √(T − 1) / √(1 − skewness · SR + (kurtosis − 1)/4 · SR²))
 *
 * with γ the Euler-Mascheroni constant. Trials are taken as independent; where they are alike, as those of one space
 * are, luck has fewer chances than N, and the probability is too small rather than too large.
 *
 * @returns null for fewer than 2 returns, and where the estimate's variance is not above 0
 * Source: D. H. Bailey, M. López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40 (2014),
 * 94-107.
 */
export function deflatedSharpe({
  sharpe,
  count,
  skewness,
  kurtosis,
  trials,
  variance,
}: SharpeEvidence): number | null {
  const spread = 1 - skewness * sharpe + ((kurtosis - 1) / 4) * sharpe ** 2;
  if (count < 2 || !(spread > 0)) return null;
  const luck = trials < 2 ? 0 : Math.sqrt(variance) * expectedMaximum(trials);
  return normalCdf(((sharpe - luck) * Math.sqrt(count - 1)) / Math.sqrt(spread));
}

/** Of so many standard normal draws, about. */
function expectedMaximum(draws: number): number {
  return (
    (1 - EULER_MASCHERONI) * normalQuantile(1 - 1 / draws) +
    EULER_MASCHERONI * normalQuantile(1 - 1 / (draws * Math.E))
  );
}

/** Third and fourth standardised moments, over n; null for returns that do not vary. */
export function shapeOf(returns: Float64Array): { skewness: number; kurtosis: number } | null {
  const average = (power: number, centre: number) =>
    returns.reduce((sum, each) => sum + (each - centre) ** power, 0) / returns.length;
  const mean = average(1, 0);
  const variance = average(2, mean);
  if (!(variance > 0)) return null;
  return { skewness: average(3, mean) / variance ** 1.5, kurtosis: average(4, mean) / variance ** 2 };
}
