import type { TradingCosts } from "../contracts/spec-strategy.ts";
import type { StrategyParameters } from "../contracts/strategy-parameters.ts";
import { InvalidInputError } from "../errors.ts";
import { costShare } from "./account.ts";
import { type Bars, hasPrice } from "./bars.ts";
import { Book, type Trade } from "./book.ts";
import { sideOf, sizeOf } from "./sizing.ts";
import { rollingVolatility } from "./volatility.ts";

/** What a strategy trades on. */
export interface Market {
  readonly bars: Bars;
  /**
   * Per bar the probability that the price moves up, known at its close, in 0 … 1. NaN where there is no new forecast:
   * a position then stays as it is.
   */
  readonly probability: Float64Array;
  /** bars in a year, for annual figures */
  readonly barsPerYear: number;
}

/** Bars that are traded: `from` (the first signal is looked at at its close) up to `to`, exclusive. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a strategy did. Arrays have one entry per bar of the span. */
export interface StrategyRun {
  /** at each close, 1 at the first; a bar without a price keeps the one before it, 0 after ruin */
  readonly equity: Float64Array;
  /** what was decided at each close: signed share of equity for the next fill, NaN to leave the position alone */
  readonly decisions: Float64Array;
  readonly trades: readonly Trade[];
  /** sum of the traded values, each as a share of the equity then */
  readonly turnover: number;
  /** bars in which a position was held, be it for a part of them */
  readonly heldBars: number;
  readonly isRuined: boolean;
}

/**
 * Trades signals on prices. The order of things in a bar, and with it what a decision can know:
 *
 * 1. What was decided at the last close is filled at the open; without a price it waits for the next bar with one,
 *    unless a newer decision replaces it.
 * 2. Stop loss and take profit act within the bar, that of the entry included (`exitIn`).
 * 3. Equity is taken at the close; then the bar's own probability and volatility decide about the next bar.
 *
 * So nothing of a bar is known to a decision that is filled in it. A position opens with the size that `sizeOf` gives
 * and keeps its units until the side changes, the signal falls below the threshold, or an exit closes it; after an exit
 * the next signal may open it again. At the end what is open is sold at the last close. Equity at or below 0 is ruin:
 * the position is closed and nothing is traded again.
 *
 * @param span default: all bars. Volatility may look at bars before it.
 * @throws {InvalidInputError} for lengths that differ, probabilities outside 0 … 1 and a span outside the bars
 */
export function backtestStrategy(
  market: Market,
  parameters: StrategyParameters,
  costs: TradingCosts,
  span: Span = { from: 0, to: market.bars.close.length },
): StrategyRun {
  checkMarket(market, span);
  const { bars, probability, barsPerYear } = market;
  const book = new Book(costShare(costs));
  // Sizings other than by volatility do not look at it.
  const volatility =
    parameters.sizing === "volatility"
      ? rollingVolatility(bars.close.subarray(0, span.to), parameters.volatility_window)
      : undefined;
  const equity = new Float64Array(span.to - span.from);
  const decisions = new Float64Array(span.to - span.from).fill(Number.NaN);
  let order: number | undefined;
  let heldBars = 0;

  for (let t = span.from; t < span.to; t += 1) {
    const i = t - span.from;
    let isHeld = book.side !== 0;
    if (hasPrice(bars, t)) {
      if (order !== undefined) book.moveTo(order, t, bars.open[t]!);
      order = undefined;
      isHeld ||= book.side !== 0;
      book.applyExits(bars, t, parameters);
      book.mark(t, bars.close[t]!);
    }
    if (isHeld) heldBars += 1;
    equity[i] = book.equity;
    const up = probability[t]!;
    if (Number.isNaN(up) || book.isRuined) continue;
    const side = sideOf(up, parameters);
    const annual = (volatility?.[t] ?? Number.NaN) * Math.sqrt(barsPerYear);
    const wanted = side === 0 ? 0 : side * sizeOf(side === 1 ? up : 1 - up, annual, parameters);
    const unchanged = Math.sign(wanted) === book.side;
    order = unchanged ? undefined : wanted;
    if (!unchanged) decisions[i] = wanted;
  }

  const last = lastPriced(bars, span);
  if (last !== undefined) {
    book.liquidate(last, bars.close[last]!, "end");
    equity.fill(book.equity, last - span.from);
  }
  const { trades, turnover, isRuined } = book;
  return { equity, decisions, trades, turnover, heldBars, isRuined };
}

function lastPriced(bars: Bars, { from, to }: Span): number | undefined {
  for (let t = to - 1; t >= from; t -= 1) if (hasPrice(bars, t)) return t;
  return undefined;
}

function checkMarket({ bars, probability, barsPerYear }: Market, { from, to }: Span): void {
  const count = bars.close.length;
  if (probability.length !== count)
    throw new InvalidInputError(
      `probability has ${probability.length} bars, expected ${count}, as the prices`,
    );
  const bad = probability.findIndex((each) => each < 0 || each > 1);
  if (bad >= 0)
    throw new InvalidInputError(`probability of bar ${bad} is ${probability[bad]}, expected 0 … 1 or NaN`);
  if (!(barsPerYear > 0 && Number.isFinite(barsPerYear)))
    throw new InvalidInputError(`barsPerYear is ${barsPerYear}, expected a positive number`);
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= count))
    throw new InvalidInputError(`the span is ${from} to ${to}, expected bars within 0 to ${count}`);
}
