import { describe, expect, it } from "vitest";
import type {
  ComparedStrategy,
  StrategyMetrics,
  StrategySearch,
} from "../../../shared/contracts/strategy.ts";
import { StrategyParameters } from "../../../shared/contracts/strategy-parameters.ts";
import { RunScript } from "../testing/samples.ts";
import { explain } from "./explain.ts";
import { parametersText } from "./explain-strategy.ts";

const present = StrategyParameters.parse({});
const tuned = StrategyParameters.parse({
  ...{ sides: "both", confidence_threshold: 0.6, sizing: "kelly", kelly_fraction: 0.5 },
  ...{ stop_loss: 0.02, take_profit: 0.05 },
});
const metrics: StrategyMetrics = {
  ...{ total_return: 0.12, annualised_return: 0.4, annualised_volatility: 0.2 },
  ...{ sharpe: 1.234, sortino: null, calmar: 2, max_drawdown: 0.05, turnover: 5, hit_rate: 0.5 },
  ...{ trades: 12, exposure: 0.6, returns: 89, is_ruined: false },
};
const strategy: StrategySearch = {
  ...{ objective: "sharpe", step_ahead: 6, bars: 640, missing: 2, forecasts: 637 },
  ...{ present, present_metrics: { ...metrics, total_return: -0.01 } },
  trials: { total: 30, feasible: 28, reasons: ["2 trades, expected at least 10"], deflated_sharpe: 0.91 },
  best: [
    { number: 4, parameters: tuned, objective: 1.234, metrics },
    { number: 9, parameters: present, objective: 1.1, metrics },
  ],
};

function compared(name: ComparedStrategy["name"], parameters: StrategyParameters | null): ComparedStrategy {
  const held_out = { ...metrics, total_return: name === "tuned" ? 0.03 : -0.02 };
  return { name, parameters, searched: metrics, held_out, objective: 1, infeasible: null, p_value: null };
}

describe("parameters of a strategy in words", () => {
  it.each<[Partial<StrategyParameters>, string]>([
    [{}, "long from 0.55, size 1, no stop loss, no take profit"],
    [tuned, "long and short from 0.6, 0.5 of Kelly's size, at most 1, stop loss 2 %, take profit 5 %"],
    [
      { sides: "short", position_size: 3, max_position: 2 },
      "short from 0.55, size 2, no stop loss, no take profit",
    ],
    [
      { sizing: "volatility", volatility_target: 0.1 },
      "long from 0.55, size for 10 % volatility by 60 steps, at most 1, no stop loss, no take profit",
    ],
  ])("%o", (given, words) => {
    expect(parametersText({ ...present, ...given })).toBe(words);
  });
});

describe("a run that tuned a strategy, in words (B-STR-1)", () => {
  const strategies = [compared("tuned", tuned), compared("present", present), compared("flat", null)];
  const script = new RunScript("coin", "s")
    .accepted({ action: "strategy" })
    .searched({ action: "strategy", metrics: null, trials: [], baselines: {}, strategy })
    .verdict("approved", { candidate_metrics: null, champion_metrics: null, strategies });
  const { headline, sections } = explain(script.folded(), []);
  const text = sections.flatMap(({ lines }) => lines).join("\n");

  it.each([
    "30 strategies on the live model's 637 forecasts of 6 steps ahead, over 640 bars, 2 without a price, in 5.7 s.",
    "Best: long and short from 0.6, 0.5 of Kelly's size, at most 1, stop loss 2 %, take profit 5 %, with sharpe 1.234 (the next best had 1.1): return +12 %, Sharpe 1.23, Sortino n/a, Calmar 2.00, drawdown 5 %, 12 trades.",
    "In force: long from 0.55, size 1, no stop loss, no take profit: return -1 %",
    "2 were not feasible, such as: 2 trades, expected at least 10.",
    "more than the luck of so many trials with probability 0.91.",
    "Held out, tuned (long and short from 0.6",
    "Held out, flat: return -2 %",
  ])("tells %s", (line) => {
    expect(text).toContain(line);
  });

  it("tells the outcome by the held-out returns", () => {
    expect(headline).toBe("coin: approved: held-out return -2 % → +3 %.");
  });
});
