import type { StrategyMetrics } from "../contracts/strategy.ts";
import { moments } from "../statistics/sample.ts";
import type { StrategyRun } from "./backtest.ts";

/**
 * Figures of a run. With r_t = E_t / E_{t−1} − 1 over T returns, A bars a year, f the risk-free rate a year and
 * x_t = r_t − f / A:
 *
 *     total_return           E_T / E_0 − 1
 *     annualised_return      (E_T / E_0)^(A / T) − 1
 *     annualised_volatility  s(r) · √A                              s: standard deviation, n − 1
 *     sharpe                 mean(x) / s(x) · √A
 *     sortino                mean(x) / √(Σ min(x_t, 0)² / T) · √A    over all T, not the losing ones alone
 *     calmar                 annualised_return / max_drawdown
 *     max_drawdown           max_t (1 − E_t / max_{u ≤ t} E_u)      at closes
 *     turnover               traded value / equity, summed, · A / T
 *
 * Bars without a position or a price count as returns of 0. √A takes returns as uncorrelated (Lo 2002).
 *
 * null: annual figures without a return, standard deviations with fewer than 2; sharpe where s is 0; sortino where no
 * return is below the risk-free rate; calmar without a drawdown; hit_rate without a trade.
 *
 * Sources: W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1994), 49-58. F. A. Sortino, L. N.
 * Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing 3 (1994), 59-64. T. W. Young,
 * "Calmar Ratio", Futures 20 (1991). A. W. Lo, "The Statistics of Sharpe Ratios", Financial Analysts Journal 58 (2002).
 */
export function strategyMetrics(run: StrategyRun, barsPerYear: number, riskFreeRate = 0): StrategyMetrics {
  const { equity, trades } = run;
  const count = equity.length - 1;
  const growth = equity[count]! / equity[0]!;
  const annualised = count === 0 ? null : growth ** (barsPerYear / count) - 1;
  const returns = returnsOf(equity);
  const excess = returns.map((each) => each - riskFreeRate / barsPerYear);
  const { mean, std } = count === 0 ? { mean: 0, std: 0 } : moments(excess);
  const spread = count < 2 ? 0 : std * Math.sqrt(count / (count - 1));
  const perYear = Math.sqrt(barsPerYear);
  const drawdown = maxDrawdown(equity);
  return {
    total_return: growth - 1,
    annualised_return: annualised,
    annualised_volatility: count < 2 ? null : spread * perYear,
    sharpe: ratio(mean * perYear, spread),
    sortino: ratio(mean * perYear, count === 0 ? 0 : downsideDeviation(excess)),
    calmar: annualised === null ? null : ratio(annualised, drawdown),
    max_drawdown: drawdown,
    turnover: count === 0 ? null : (run.turnover * barsPerYear) / count,
    hit_rate: ratio(trades.filter(({ profit }) => profit > 0).length, trades.length),
    trades: trades.length,
    exposure: count === 0 ? 0 : run.heldBars / count,
    returns: count,
    is_ruined: run.isRuined,
  };
}

/** Largest loss from a peak so far, as a share of it: 0 for equity that never falls, 1 for ruin. */
export function maxDrawdown(equity: Float64Array): number {
  let peak = -Infinity;
  let worst = 0;
  for (const value of equity) {
    peak = Math.max(peak, value);
    worst = Math.max(worst, 1 - value / peak);
  }
  return worst;
}

/** [bars − 1] returns; 0 after ruin. */
export function returnsOf(equity: Float64Array): Float64Array {
  const returns = new Float64Array(Math.max(0, equity.length - 1));
  for (let t = 1; t < equity.length; t += 1) {
    const before = equity[t - 1]!;
    returns[t - 1] = before === 0 ? 0 : equity[t]! / before - 1;
  }
  return returns;
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator === 0 ? null : numerator / denominator;
}

function downsideDeviation(excess: Float64Array): number {
  return Math.sqrt(excess.reduce((sum, each) => sum + Math.min(each, 0) ** 2, 0) / excess.length);
}
