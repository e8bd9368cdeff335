import { describe, expect, it } from "vitest";
import type { StrategyRun } from "./backtest.ts";
import { maxDrawdown, strategyMetrics } from "./metrics.ts";
import { objectiveOf } from "./objective.ts";

function run(equity: readonly number[], about: Partial<StrategyRun> = {}): StrategyRun {
  const decisions = new Float64Array(equity.length).fill(Number.NaN);
  return {
    equity: Float64Array.from(equity),
    decisions,
    trades: [],
    turnover: 0,
    heldBars: 0,
    isRuined: false,
    ...about,
  };
}

const trade = (profit: number) => ({
  side: 1 as const,
  entered: 0,
  left: 1,
  entry: 1,
  exit: 1,
  size: 1,
  profit,
  reason: "signal" as const,
});

describe("a strategy's figures (B-STR-1, B-RSK-1)", () => {
  // Returns 0.1, -0.05, 0.02: figures computed in Python from the definitions, 252 bars a year.
  const equity = [1, 1.1, 1.045, 1.0659];

  it("are those of their definitions", () => {
    const metrics = strategyMetrics(
      run(equity, { turnover: 2, heldBars: 2, trades: [trade(0.1), trade(-0.1)] }),
      252,
    );
    expect(metrics).toEqual({
      total_return: expect.closeTo(0.0659, 12),
      annualised_return: expect.closeTo(1.0659 ** 84 - 1, 6),
      annualised_volatility: expect.closeTo(1.1914696807, 9),
      sharpe: expect.closeTo(4.9350815176, 9),
      sortino: expect.closeTo(12.8312119459, 9),
      calmar: expect.closeTo((1.0659 ** 84 - 1) / 0.05, 4),
      max_drawdown: expect.closeTo(0.05, 12),
      turnover: 168,
      hit_rate: 0.5,
      trades: 2,
      exposure: expect.closeTo(2 / 3, 12),
      returns: 3,
      is_ruined: false,
    });
  });

  it("take the risk-free rate off, a bar's share a bar", () => {
    const { sharpe } = strategyMetrics(run(equity), 252, 2.52);
    expect(sharpe).toBeCloseTo(((0.07 / 3 - 0.01) / (1.1914696807 / Math.sqrt(252))) * Math.sqrt(252), 8);
  });

  it.each<[string, readonly number[], object]>([
    [
      "one bar",
      [1],
      {
        total_return: 0,
        annualised_return: null,
        sharpe: null,
        sortino: null,
        calmar: null,
        turnover: null,
        returns: 0,
      },
    ],
    ["one return", [1, 1.1], { sharpe: null, annualised_volatility: null, sortino: null, calmar: null }],
    [
      "equity that never moves",
      [1, 1, 1, 1],
      { total_return: 0, sharpe: null, sortino: null, calmar: null, hit_rate: null, exposure: 0 },
    ],
    ["equal gains", [1, 2, 4, 8], { sharpe: null, sortino: null, max_drawdown: 0 }],
    ["ruin", [1, 0.5, 0, 0], { total_return: -1, annualised_return: -1, max_drawdown: 1, calmar: -1 }],
  ])("of %s: what cannot be told is null", (_name, given, expected) => {
    expect(strategyMetrics(run(given), 252)).toMatchObject(expected);
  });

  it.each<[readonly number[], number]>([
    [[1, 2, 1, 3, 0.6], 0.8],
    [[1, 0.5, 0.25, 4], 0.75],
    [[1, 2, 3], 0],
  ])("maximum drawdown of %j is %d", (given, expected) => {
    expect(maxDrawdown(Float64Array.from(given))).toBeCloseTo(expected, 12);
  });
});

describe("a strategy's objective (B-RSK-1)", () => {
  const metrics = strategyMetrics(run([1, 1.1, 1.045, 1.0659], { trades: [trade(0.1), trade(-0.1)] }), 252);
  const limits = { objective: "sharpe", max_drawdown: 0.1, min_trades: 2 } as const;

  it("is the negative of the measure", () => {
    expect(objectiveOf(metrics, limits)).toEqual({ value: -metrics.sharpe!, infeasible: null });
    expect(objectiveOf(metrics, { ...limits, objective: "return" }).value).toBe(-metrics.annualised_return!);
    expect(objectiveOf(metrics, { ...limits, objective: "calmar" }).value).toBe(-metrics.calmar!);
    expect(objectiveOf(metrics, { ...limits, objective: "sortino" }).value).toBe(-metrics.sortino!);
  });

  it.each<[string, object, object, string]>([
    ["a drawdown beyond the limit", {}, { max_drawdown: 0.04 }, "maximum drawdown 5.0 %, allowed 4.0 %"],
    ["too few trades", {}, { min_trades: 3 }, "2 trades, expected at least 3"],
    ["ruin", { is_ruined: true }, {}, "it was ruined"],
    ["a measure that cannot be told", { sharpe: null }, {}, "sharpe cannot be told"],
  ])("is infinite, with the reason, for %s", (_name, changed, limit, infeasible) => {
    expect(objectiveOf({ ...metrics, ...changed }, { ...limits, ...limit })).toEqual({
      value: Infinity,
      infeasible,
    });
  });
});
