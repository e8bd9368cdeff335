import { describe, expect, it } from "vitest";
import { SIZINGS, type StrategyParameters } from "../contracts/strategy-parameters.ts";
import { uniform } from "../forecasting/random.ts";
import { backtestStrategy } from "./backtest.ts";
import { type Bars, checkedBars } from "./bars.ts";
import { FREE, parameters, randomSignals, randomWalk, USUAL } from "./market.fixture.ts";
import { returnsOf } from "./metrics.ts";

const BARS_PER_YEAR = 252;

const STRATEGIES: readonly Partial<StrategyParameters>[] = SIZINGS.flatMap((sizing) => [
  { sizing, confidence_threshold: 0.55, volatility_window: 20 },
  { sizing, confidence_threshold: 0.7, sides: "long", stop_loss: 0.02, take_profit: 0.03 },
  { sizing, confidence_threshold: 0.6, stop_loss: 0.01, max_position: 0.5 },
]);

/** The bars up to and including `known`, and another future. */
function withOtherFuture(bars: Bars, known: number, seed: number): Bars {
  const count = bars.close.length;
  const other = randomWalk(seed, count, 0.05);
  const cut = (field: keyof Bars) =>
    Float64Array.from({ length: count }, (_, t) => (t <= known ? bars[field][t]! : other[field][t]!));
  return checkedBars({ open: cut("open"), high: cut("high"), low: cut("low"), close: cut("close") });
}

describe("a strategy's decisions (B-STR-1: no look-ahead)", () => {
  const count = 300;
  const bars = randomWalk(1, count);
  const probability = randomSignals(1, count);

  it.each(STRATEGIES)("up to a bar are the same whatever comes after it: %j", (given) => {
    const play = (market: Bars, signals: Float64Array) =>
      backtestStrategy(
        { bars: market, probability: signals, barsPerYear: BARS_PER_YEAR },
        parameters(given),
        USUAL,
      );
    const whole = play(bars, probability);
    expect(whole.trades.length).toBeGreaterThan(5);
    for (let round = 0; round < 10; round += 1) {
      const known = 5 + Math.floor(uniform(2, round) * (count - 10));
      const signals = probability.map((each, t) => (t <= known ? each : uniform(3, round, t)));
      const other = play(withOtherFuture(bars, known, 100 + round), signals);
      expect(other.decisions.subarray(0, known + 1)).toEqual(whole.decisions.subarray(0, known + 1));
      expect(other.equity.subarray(0, known + 1)).toEqual(whole.equity.subarray(0, known + 1));
      const closed = (run: typeof whole) => run.trades.filter(({ left }) => left <= known);
      expect(closed(other)).toEqual(closed(whole));
      // The same known bars, with the end of the data right after them.
      const span = { from: 0, to: known + 1 };
      const market = { bars, probability, barsPerYear: BARS_PER_YEAR };
      const ended = backtestStrategy(market, parameters(given), USUAL, span);
      expect(ended.decisions).toEqual(whole.decisions.subarray(0, known + 1));
    }
  });

  it("would be rich if it saw the bar it is filled in, which the tests' markets reward", () => {
    const clairvoyant = Float64Array.from(bars.close, (close, t) => (close > bars.open[t]! ? 1 : 0));
    const seeing = Float64Array.from(clairvoyant, (_, t) => clairvoyant[t + 1] ?? Number.NaN);
    const market = (signals: Float64Array) => ({ bars, probability: signals, barsPerYear: BARS_PER_YEAR });
    const future = backtestStrategy(market(seeing), parameters(), USUAL).equity.at(-1)!;
    const past = backtestStrategy(market(clairvoyant), parameters(), USUAL).equity.at(-1)!;
    expect(future).toBeGreaterThan(3);
    expect(past).toBeLessThan(1.2);
  });
});

describe("strategies on noise (B-STR-1)", () => {
  const count = 500;
  const SEEDS = 60;

  /** One-sided t statistic of the mean return, of each seed. */
  function statistics(given: Partial<StrategyParameters>, costs: typeof USUAL): number[] {
    return Array.from({ length: SEEDS }, (_, seed) => {
      const market = {
        bars: randomWalk(1_000 + seed, count, 0.01, -0.00005),
        probability: randomSignals(5_000 + seed, count),
        barsPerYear: BARS_PER_YEAR,
      };
      const returns = returnsOf(backtestStrategy(market, parameters(given), costs).equity);
      const mean = returns.reduce((sum, each) => sum + each, 0) / returns.length;
      const variance = returns.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (returns.length - 1);
      return mean / Math.sqrt(variance / returns.length);
    });
  }

  it.each(STRATEGIES)("earn nothing beyond chance without costs and lose with them: %j", (given) => {
    const free = statistics(given, FREE);
    const average = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / SEEDS;
    // Sixty t statistics of nothing have a mean of 0 ± 0.13, and 3 of them, 10 at the very most, pass 1.645.
    expect(Math.abs(average(free))).toBeLessThan(0.45);
    expect(free.filter((each) => each > 1.645).length).toBeLessThanOrEqual(10);
    const charged = statistics(given, USUAL);
    expect(average(charged)).toBeLessThan(average(free));
    expect(average(charged)).toBeLessThan(0);
    expect(charged.filter((each) => each > 1.645).length).toBeLessThanOrEqual(4);
  });
});
