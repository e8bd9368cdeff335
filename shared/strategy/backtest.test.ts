import { describe, expect, it } from "vitest";
import type { TradingCosts } from "../contracts/spec-strategy.ts";
import type { StrategyParameters } from "../contracts/strategy-parameters.ts";
import { backtestStrategy, type StrategyRun } from "./backtest.ts";
import { type Bars, barsOfCloses, checkedBars } from "./bars.ts";
import { barsOf, FREE, parameters, USUAL } from "./market.fixture.ts";

const _ = Number.NaN;

interface Played {
  readonly bars: Bars;
  readonly up: readonly number[];
  readonly given?: Partial<StrategyParameters>;
  readonly costs?: TradingCosts;
}

function play({ bars, up, given = {}, costs = FREE }: Played): StrategyRun {
  const market = { bars, probability: Float64Array.from(up), barsPerYear: 252 };
  return backtestStrategy(market, parameters(given), costs);
}

const closes = (...prices: number[]) => barsOfCloses(Float64Array.from(prices));

describe("a strategy's backtest (B-STR-1)", () => {
  it("fills a decision at the next bar's open", () => {
    const bars = barsOf([
      [100, 100, 100, 100],
      [110, 125, 105, 121],
      [120, 140, 110, 132],
    ]);
    const { equity, trades, decisions } = play({ bars, up: [0.9, _, _] });
    expect(decisions).toEqual(Float64Array.of(1, _, _));
    expect(equity[1]).toBeCloseTo(121 / 110, 12);
    expect(trades).toEqual([
      expect.objectContaining({ entered: 1, left: 2, entry: 110, exit: 132, reason: "end" }),
    ]);
  });

  it("of closes alone is filled at the close of the next bar", () => {
    const { equity } = play({ bars: closes(100, 110, 121), up: [0.9, _, _] });
    expect([...equity]).toEqual([1, 1, expect.closeTo(1.1, 12)]);
  });

  it("keeps a position without a new forecast, and turns it on the opposite signal", () => {
    const { trades, equity } = play({ bars: closes(100, 100, 110, 110, 99), up: [0.8, _, 0.2, _, _] });
    expect(trades.map(({ side, entered, left, profit }) => [side, entered, left, profit])).toEqual([
      [1, 1, 3, expect.closeTo(0.1, 12)],
      [-1, 3, 4, expect.closeTo(0.1, 12)],
    ]);
    expect(equity[4]).toBeCloseTo(1.21, 12);
  });

  it.each<[string, Partial<StrategyParameters>, number, number]>([
    ["at the threshold it is traded", { confidence_threshold: 0.6 }, 0.6, 1],
    ["below it is not", { confidence_threshold: 0.6 }, 0.59, 0],
    ["a sure fall is sold short", {}, 0.1, -1],
    ["long only stays out of a fall", { sides: "long" }, 0.1, 0],
    ["short only stays out of a rise", { sides: "short" }, 0.9, 0],
    ["one half is no side", {}, 0.5, 0],
    ["a fixed share", { position_size: 0.3 }, 0.9, 0.3],
    ["no more than max_position", { position_size: 3, max_position: 2 }, 0.9, 2],
    ["Kelly: 2p − 1 at even odds, a quarter of it", { sizing: "kelly", kelly_fraction: 0.25 }, 0.9, 0.2],
    [
      "Kelly: p − (1 − p) / b at odds b",
      { sizing: "kelly", kelly_fraction: 1, take_profit: 0.04, stop_loss: 0.02 },
      0.6,
      0.4,
    ],
    [
      "Kelly: no edge, no position",
      { sizing: "kelly", kelly_fraction: 1, take_profit: 0.01, stop_loss: 0.02 },
      0.6,
      0,
    ],
  ])("sizes (B-RSK-1): %s", (_name, given, up, size) => {
    const { trades } = play({ bars: closes(100, 100, 101), up: [up, _, _], given });
    expect(trades.reduce((sum, trade) => sum + trade.side * trade.size, 0)).toBeCloseTo(size, 12);
  });

  it("targets a volatility from returns that are past (B-RSK-1)", () => {
    const bars = closes(100, 101, 99, 100, 400);
    const given = { sizing: "volatility", volatility_target: 0.1, volatility_window: 3 } as const;
    const { trades } = play({ bars, up: [_, _, _, 0.9, _], given });
    const returns = [Math.log(101 / 100), Math.log(99 / 101), Math.log(100 / 99)];
    const mean = returns.reduce((a, b) => a + b) / 3;
    const deviation = Math.sqrt(returns.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 2);
    expect(trades[0]!.size).toBeCloseTo(0.1 / (deviation * Math.sqrt(252)), 12);
    expect(play({ bars, up: [0.9, _, _, _, _], given }).trades).toEqual([]);
  });

  it("charges fee, half the spread and slippage on every fill", () => {
    const { equity, turnover } = play({ bars: closes(100, 100, 100), up: [0.9, _, _], costs: USUAL });
    const cost = 0.0011;
    expect(equity[2]).toBeCloseTo((1 - cost) / (1 + cost), 12);
    expect(turnover).toBeCloseTo(1 / (1 + cost) + 1, 12);
  });

  it("sells what is open at the end, with its costs", () => {
    const { trades } = play({ bars: closes(100, 100, 110), up: [0.9, _, _], costs: USUAL });
    expect(trades[0]!.profit).toBeCloseTo((1.1 * (1 - 0.0011)) / 1.0011 - 1, 12);
  });

  it("waits over bars without a price and takes the newest decision", () => {
    const bars = closes(100, _, _, 100, 90);
    const { trades, equity } = play({ bars, up: [0.9, _, 0.1, _, _] });
    expect(trades.map(({ side, entered }) => [side, entered])).toEqual([[-1, 3]]);
    expect([...equity]).toEqual([1, 1, 1, 1, expect.closeTo(1.1, 12)]);
  });

  it("holds a position over bars without a price", () => {
    const { heldBars, trades } = play({ bars: closes(100, 100, _, _, 110), up: [0.9, _, _, _, _] });
    expect(heldBars).toBe(4);
    expect(trades[0]!.profit).toBeCloseTo(0.1, 12);
  });

  it("is ruined by a short that more than doubles, and trades no more", () => {
    const run = play({ bars: closes(100, 100, 210, 50, 50), up: [0.1, _, 0.1, 0.9, _] });
    expect(run.isRuined).toBe(true);
    expect([...run.equity]).toEqual([1, 1, 0, 0, 0]);
    expect(run.trades).toHaveLength(1);
    expect(run.trades[0]).toMatchObject({ reason: "ruin", profit: -1 });
  });

  it("of one bar trades nothing", () => {
    expect(play({ bars: closes(100), up: [0.9] })).toMatchObject({ trades: [], turnover: 0, heldBars: 0 });
  });

  it("begins flat inside a span and looks at volatility before it", () => {
    const market = {
      bars: closes(100, 101, 99, 102, 103),
      probability: Float64Array.of(0.9, _, 0.9, _, _),
      barsPerYear: 252,
    };
    const run = backtestStrategy(market, parameters({ sizing: "volatility", volatility_window: 2 }), FREE, {
      from: 2,
      to: 5,
    });
    expect(run.equity).toHaveLength(3);
    expect(run.trades.map(({ entered }) => entered)).toEqual([3]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ["a probability of 1.2", () => play({ bars: closes(1, 1), up: [1.2, _] }), /probability of bar 0 is 1.2/],
    ["fewer signals than bars", () => play({ bars: closes(1, 1), up: [0.5] }), /has 1 bars, expected 2/],
    ["a price of 0", () => closes(1, 0), /close of bar 1 is 0, expected a price above 0/],
    ["an infinite price", () => closes(Infinity), /close of bar 0 is Infinity/],
    [
      "a low of another length",
      () => checkedBars({ close: Float64Array.of(1), low: Float64Array.of(1, 1) }),
      /low has 2 bars, expected 1/,
    ],
  ])("refuses %s", (_name, act, message) => {
    expect(act).toThrow(message);
  });
});

describe("stop loss and take profit within a bar (B-RSK-1)", () => {
  const quiet = [100, 100, 100, 100] as const;
  const exits = { stop_loss: 0.05, take_profit: 0.1 };

  it.each<[string, readonly [number, number, number, number], number, string, number]>([
    ["the stop is reached", [100, 102, 94, 98], 0.9, "stop-loss", 95],
    ["the bar opens beyond the stop: the worse open", [90, 98, 88, 97], 0.9, "stop-loss", 90],
    ["the target is reached", [100, 111, 99, 105], 0.9, "take-profit", 110],
    ["the bar opens beyond the target: the target", [115, 118, 112, 116], 0.9, "take-profit", 110],
    ["both are reached: the stop was first", [100, 112, 94, 105], 0.9, "stop-loss", 95],
    ["neither is", [100, 109, 96, 103], 0.9, "end", 103],
    ["a short is stopped by a rise", [100, 106, 99, 101], 0.1, "stop-loss", 105],
    ["a short takes profit from a fall", [100, 101, 89, 95], 0.1, "take-profit", 90],
    ["a short whose bar opens above the stop", [108, 109, 104, 105], 0.1, "stop-loss", 108],
  ])("%s", (_name, bar, up, reason, exit) => {
    const { trades } = play({ bars: barsOf([quiet, quiet, bar]), up: [up, _, _], given: exits });
    expect(trades).toHaveLength(1);
    expect(trades[0]).toMatchObject({ reason });
    expect(trades[0]!.exit).toBeCloseTo(exit, 9);
  });

  it("act in the bar of the entry, too", () => {
    const { trades } = play({ bars: barsOf([quiet, [100, 100, 90, 99]]), up: [0.9, _], given: exits });
    expect(trades[0]).toMatchObject({ entered: 1, left: 1, reason: "stop-loss" });
  });

  it("leave the next signal free to open again", () => {
    const bars = barsOf([quiet, [100, 100, 90, 99], quiet, quiet]);
    expect(play({ bars, up: [0.9, 0.9, _, _], given: exits }).trades.map(({ entered }) => entered)).toEqual([
      1, 2,
    ]);
    expect(play({ bars, up: [0.9, _, _, _], given: exits }).trades.map(({ entered }) => entered)).toEqual([
      1,
    ]);
  });

  it("hold for closes alone at the close that is beyond them", () => {
    const { trades } = play({ bars: closes(100, 100, 97, 93, 99), up: [0.9, _, _, _, _], given: exits });
    expect(trades[0]).toMatchObject({ left: 3, exit: 93, reason: "stop-loss" });
  });

  it("take a bar whose range misses its open and close for one that reaches them", () => {
    const { trades } = play({
      bars: barsOf([quiet, quiet, [100, 99, 98, 94]]),
      up: [0.9, _, _],
      given: exits,
    });
    expect(trades[0]).toMatchObject({ reason: "stop-loss", exit: 95 });
  });
});
