import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TradingCosts } from "../../../shared/contracts/spec-strategy.ts";
import {
  type ComparedStrategy,
  PortfolioReport,
  StrategyMetrics,
  StrategyReport,
} from "../../../shared/contracts/strategy.ts";
import { StrategyParameters } from "../../../shared/contracts/strategy-parameters.ts";
import { type CliBench, cliBench } from "../testing/cli-bench.ts";
import { portfolioText, strategyText } from "../words/strategy.ts";

const metrics = StrategyMetrics.parse({
  ...{ total_return: 0.0523, annualised_return: 0.231, annualised_volatility: 0.12, sharpe: 1.81 },
  ...{ sortino: 2.2, calmar: null, max_drawdown: 0.031, turnover: 44.4, hit_rate: 0.6 },
  ...{ trades: 12, exposure: 0.4, returns: 89, is_ruined: false },
});

function compared(name: ComparedStrategy["name"], over: Partial<ComparedStrategy> = {}): ComparedStrategy {
  return {
    name,
    parameters: null,
    searched: metrics,
    held_out: metrics,
    objective: 1.81,
    infeasible: null,
    p_value: null,
    ...over,
  };
}

function report(over: Partial<StrategyReport> = {}): StrategyReport {
  return StrategyReport.parse({
    ...{ mode: "tune", forecaster: "eurusd-7d", code_version: "test", seconds: 1.5 },
    ...{ from: "2024-01-01T00:00:00Z", held_out_from: "2024-10-01T00:00:00Z", to: "2024-12-30T00:00:00Z" },
    ...{ bars: 260, missing: 0, forecasts: 260, step_ahead: 5, model: "chronos-bolt", version: 3 },
    ...{ objective: "sharpe", max_drawdown: 0.25, costs: TradingCosts.parse({}), is_better: true },
    trials: {
      total: 200,
      feasible: 120,
      reasons: ["3 trades\u001b[31m, expected at least 10"],
      deflated_sharpe: 0.873,
    },
    strategies: [
      compared("tuned", { parameters: StrategyParameters.parse({ stop_loss: 0.02 }) }),
      compared("buy-and-hold", { infeasible: "maximum drawdown 31.0 %, allowed 25.0 %", p_value: 0.04 }),
    ],
    verdict: "better on the held-out bars: sharpe 1.81",
    notes: ["a note"],
    ...over,
  });
}

describe("what retune strategy tells (B-STR-1, B-RSK-1)", () => {
  it("is a table of strategies, on both parts, and the parameters that were found", () => {
    const lines = strategyText(report(), 110).split("\n");
    expect(lines[0]).toBe("eurusd-7d: chronos-bolt v3, 260 forecasts 5 ahead on 260 bars, 12 bp a fill");
    expect(lines[3]).toBe(
      "tuned         +5.2 %  +23.1 %    1.81     2.20     n/a     3.1 %      44.4  60 %      12  40 %",
    );
    expect(lines.join(" ")).toContain(
      "200 trials, 120 feasible; others not, such as: 3 trades\ufffd[31m, expected",
    );
    expect(lines.join(" ")).toContain("with probability 0.87.");
    expect(lines).toContain("Better on the held-out bars: sharpe 1.81.");
    expect(lines).toContain("buy-and-hold: maximum drawdown 31.0 %, allowed 25.0 %");
    expect(lines).toContain("Chance that its higher mean return is luck, against buy-and-hold 0.04.");
    expect(lines).toContain("    stop_loss: 0.02");
    expect(lines.at(-1)).toBe("Note: a note");
  });

  it("of a comparison has no search and no parameters to write down", () => {
    const text = strategyText(
      report({ mode: "compare", trials: null, is_better: null, strategies: [compared("present")] }),
      110,
    );
    expect(text).not.toMatch(/trials|parameters|luck/);
  });
});

describe("what retune strategy portfolio tells (B-RSK-1)", () => {
  it("is a table of weights and of what became of them", () => {
    const weighed = { weights: [0.7, 0.3], searched: metrics, held_out: metrics };
    const told = portfolioText(
      PortfolioReport.parse({
        ...{ forecasters: ["a", "b"], code_version: "test", seconds: 1, bars: 200, shrinkage: 0.12 },
        ...{
          from: "2024-01-01T00:00:00Z",
          held_out_from: "2024-10-01T00:00:00Z",
          to: "2024-12-30T00:00:00Z",
        },
        ...{ max_weight: 1, costs: TradingCosts.parse({}) },
        portfolios: [
          { method: "minimum-variance", ...weighed },
          { method: "maximum-sharpe", weights: null, searched: null, held_out: null },
        ],
      }),
      110,
    ).split("\n");
    expect(told[2]).toMatch(/^minimum-variance +70 % +30 % +\+5.2 % +\+23.1 % +12 % +1.81 +3.1 %$/);
    expect(told).toContain("maximum-sharpe: nothing gained on the bars that the weights are from");
  });
});

describe("retune strategy", { timeout: 60_000 }, () => {
  let bench: CliBench;
  beforeAll(async () => {
    bench = await cliBench();
  }, 60_000);
  afterAll(() => bench?.[Symbol.asyncDispose]());

  it("asks the optimizer's tool in a process of its own, and tells once what is wrong", async () => {
    const { code, terminal } = await bench.retune(["strategy", "tune", "eurusd-7d", "--history", "/nowhere"]);
    expect(code).toBe(1);
    expect(terminal.stderr).toEqual([
      "retune: '/nowhere' holds no history: expected a file manifest.ndjson in it",
    ]);
  });

  it("takes a forecaster, which is a wrong command line without", async () => {
    expect((await bench.retune(["strategy", "tune"])).code).toBe(2);
    expect((await bench.retune(["strategy", "portfolio", "a", "--shrinkage", "much"])).code).toBe(2);
    const { code, terminal } = await bench.retune(["strategy", "portfolio", "a", "b", "--max-weight", "two"]);
    expect(code).toBe(1);
    expect(terminal.stderr[0]).toMatch(/retune strategy portfolio: field 'max_weight'/);
    expect((await bench.retune(["strategy", "tune", "a", "--trials", "many"])).code).toBe(2);
  });
});
