import type { TradingCosts } from "../../contracts/spec-strategy.ts";
import type { ComparedPortfolio, PORTFOLIO_METHODS } from "../../contracts/strategy.ts";
import { InvalidInputError } from "../../errors.ts";
import { costShare } from "../account.ts";
import type { Span } from "../backtest.ts";
import type { Spans } from "../compare.ts";
import { strategyMetrics } from "../metrics.ts";
import { type Covariance, covarianceOf, type ShrinkageTarget } from "./covariance.ts";
import { checkCap } from "./simplex.ts";
import { maximumSharpe, minimumVariance, riskParity } from "./weights.ts";

export interface PortfolioQuestion {
  /** per asset its closes on the same bars, NaN where there is none */
  readonly closes: readonly Float64Array[];
  readonly barsPerYear: number;
  /** a year */
  readonly riskFreeRate: number;
  readonly costs: TradingCosts;
  readonly shrinkage: ShrinkageTarget;
  /** share that one asset may have */
  readonly maxWeight: number;
}

export interface PortfolioComparison {
  /** share of the target in the covariance */
  readonly shrinkage: number;
  readonly portfolios: readonly ComparedPortfolio[];
}

/**
 * Long-only portfolios with weights from the returns of the searched bars, bought at the first bar of either part, held
 * without being rebalanced and sold at its last, with costs. (B-RSK-1)
 *
 * @throws {InvalidInputError} for fewer than 2 assets, a cap that leaves no room, and as `covarianceOf`
 */
export function comparePortfolios(
  question: PortfolioQuestion,
  { searched, heldOut }: Spans,
): PortfolioComparison {
  const { closes, riskFreeRate, barsPerYear, maxWeight } = question;
  if (closes.length < 2)
    throw new InvalidInputError(
      `a portfolio of ${closes.length} assets has no weights to choose, expected at least 2`,
    );
  checkCap(maxWeight, closes.length);
  const returns = closes.map((close) => simpleReturns(close, searched));
  const covariance = covarianceOf(returns, question.shrinkage);
  const excess = returns.map((each) => meanOf(each) - riskFreeRate / barsPerYear);
  const portfolios = Object.entries(weightsBy(covariance, excess, maxWeight)).map(([method, weights]) => ({
    method: method as (typeof PORTFOLIO_METHODS)[number],
    weights: weights === null ? null : [...weights],
    searched: weights === null ? null : measure(weights, question, searched),
    held_out: weights === null ? null : measure(weights, question, heldOut),
  }));
  return { shrinkage: covariance.shrinkage, portfolios };
}

function weightsBy(
  covariance: Covariance,
  excess: readonly number[],
  cap: number,
): Record<(typeof PORTFOLIO_METHODS)[number], Float64Array | null> {
  return {
    "minimum-variance": minimumVariance(covariance, cap),
    "maximum-sharpe": maximumSharpe(covariance, excess, cap),
    "risk-parity": riskParity(covariance, cap),
    equal: new Float64Array(covariance.size).fill(1 / covariance.size),
  };
}

/** [bars − 1]; NaN where one of the two closes is missing. */
function simpleReturns(close: Float64Array, { from, to }: Span): Float64Array {
  return Float64Array.from({ length: to - from - 1 }, (_, i) => close[from + i + 1]! / close[from + i]! - 1);
}

function meanOf(returns: Float64Array): number {
  const known = returns.filter((each) => !Number.isNaN(each));
  return known.reduce((sum, each) => sum + each, 0) / known.length;
}

function measure(weights: Float64Array, question: PortfolioQuestion, span: Span) {
  const cost = costShare(question.costs);
  const equity = heldEquity(weights, question.closes, span).map((each) => each / (1 + cost));
  equity[0] = 1;
  equity[equity.length - 1]! *= 1 - cost;
  const decisions = new Float64Array(equity.length).fill(Number.NaN);
  // Bought once and sold once, and held in every bar between.
  const run = { equity, decisions, trades: [], turnover: 2, heldBars: equity.length - 1, isRuined: false };
  return strategyMetrics(run, question.barsPerYear, question.riskFreeRate);
}

/**
 * Value of 1 spread over the assets at the first bar, at each bar before costs. An asset without a price keeps its last
 * one; until its first its share is money.
 */
function heldEquity(
  weights: Float64Array,
  closes: readonly Float64Array[],
  { from, to }: Span,
): Float64Array {
  const equity = new Float64Array(to - from);
  closes.forEach((close, asset) => {
    let bought = Number.NaN;
    let growth = 1;
    for (let t = from; t < to; t += 1) {
      const price = close[t]!;
      if (!Number.isNaN(price)) {
        if (Number.isNaN(bought)) bought = price;
        growth = price / bought;
      }
      equity[t - from]! += weights[asset]! * growth;
    }
  });
  return equity;
}
