import { z } from "zod";
import { MODEL_FAMILIES } from "./live-config.ts";
import { STRATEGY_OBJECTIVES, TradingCosts } from "./spec-strategy.ts";
import { StrategyParameters } from "./strategy-parameters.ts";
import { Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** What `retune strategy` asks of its tool, which runs in a process of its own: JSON on its stdin. (B-STR-1) */
export const StrategyRequest = z.strictObject({
  mode: z.enum(["tune", "compare"]).describe("compare: searches nothing, only measures"),
  forecaster: Token,
  from: Timestamp.optional().describe("first price that is used; absent: strategy.history before the last"),
  to: Timestamp.optional().describe("last price that is used; absent: the newest"),
  history: z.string().optional().describe("folder of the inference-buffer's history; absent: <data>/history"),
});
export type StrategyRequest = z.infer<typeof StrategyRequest>;

const Figure = z.number().nullable().describe("null: it cannot be told");

/** See `strategyMetrics` in shared/strategy/metrics.ts for the formulas. Shares, not percent. */
export const StrategyMetrics = z.object({
  total_return: z.number(),
  annualised_return: Figure,
  annualised_volatility: Figure,
  sharpe: Figure,
  sortino: Figure,
  calmar: Figure,
  max_drawdown: z.number().nonnegative(),
  turnover: Figure.describe("times a year that the equity was traded"),
  hit_rate: Figure.describe("share of trades that gained, after costs"),
  trades: z.int().nonnegative(),
  exposure: z.number().min(0).max(1).describe("share of bars in which a position was held"),
  returns: z.int().nonnegative().describe("bars less one"),
  is_ruined: z.boolean(),
});
export type StrategyMetrics = z.infer<typeof StrategyMetrics>;

export const STRATEGY_NAMES = ["tuned", "present", "buy-and-hold", "flat"] as const;

/** One strategy's figures on the bars of the search and on those held out of it. */
export const ComparedStrategy = z.object({
  name: z.enum(STRATEGY_NAMES),
  parameters: StrategyParameters.nullable().describe("null: none, it is a reference"),
  searched: StrategyMetrics,
  held_out: StrategyMetrics,
  objective: Figure.describe("on the held-out bars, more is better; flat is 0"),
  infeasible: z
    .string()
    .nullable()
    .describe("why it must not be traded, by the held-out bars; min_trades does not count there"),
  p_value: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("chance that the tuned one's higher mean return than this one's is luck, on the held-out bars"),
});
export type ComparedStrategy = z.infer<typeof ComparedStrategy>;

/** What became of a search's trials. */
export const StrategyTally = z.object({
  total: z.int().nonnegative(),
  feasible: z.int().nonnegative(),
  reasons: z.array(z.string()).describe("why others were not: the first of each kind"),
  deflated_sharpe: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("chance that the best one's Sharpe ratio on the searched bars is no luck of so many trials"),
});
export type StrategyTally = z.infer<typeof StrategyTally>;

/** What a run of action `strategy` searched, and found on the searched bars: part of `searched`. (B-STR-1, B-RSK-1) */
export const StrategySearch = z.object({
  objective: z.enum(STRATEGY_OBJECTIVES),
  step_ahead: z.int().positive(),
  bars: z.int().positive().describe("searched and held out"),
  missing: z.int().nonnegative().describe("bars without a price"),
  forecasts: z.int().nonnegative(),
  present: StrategyParameters.describe("in force when the run began"),
  present_metrics: StrategyMetrics.describe("of these on the searched bars"),
  trials: StrategyTally,
  best: z
    .array(
      z.object({
        number: z.int().nonnegative(),
        parameters: StrategyParameters,
        objective: z.number().describe("as asked for: more is better"),
        metrics: StrategyMetrics,
      }),
    )
    .min(1)
    .describe("the candidate first, then the next best, twenty at most"),
});
export type StrategySearch = z.infer<typeof StrategySearch>;

export const StrategyReport = z.object({
  mode: z.enum(["tune", "compare"]),
  forecaster: Token,
  code_version: z.string(),
  seconds: z.number().nonnegative(),
  from: Timestamp.describe("of the first bar that is traded"),
  held_out_from: Timestamp.describe("first bar that the search did not see"),
  to: Timestamp,
  bars: z.int().positive(),
  missing: z.int().nonnegative().describe("bars without a price"),
  forecasts: z.int().nonnegative(),
  step_ahead: z.int().positive(),
  model: z.enum(MODEL_FAMILIES),
  version: z.int().positive().describe("of the live config"),
  objective: z.enum(STRATEGY_OBJECTIVES),
  max_drawdown: z.number(),
  costs: TradingCosts,
  trials: StrategyTally.nullable().describe("null: nothing was searched"),
  strategies: z.array(ComparedStrategy),
  is_better: z
    .boolean()
    .nullable()
    .describe(
      "the tuned strategy is feasible and beats all others on the held-out bars; null: none was tuned",
    ),
  verdict: z.string(),
  notes: z.array(z.string()).describe("what the reader must know before believing the figures"),
});
export type StrategyReport = z.infer<typeof StrategyReport>;

/** What `retune strategy portfolio` asks: how to spread money over the series of several forecasters. (B-RSK-1) */
export const PortfolioRequest = z.strictObject({
  forecasters: z.array(Token).min(2),
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  history: z.string().optional(),
  max_weight: z.number().positive().max(1).default(1).describe("share that one series may have"),
  shrinkage: z
    .enum(["none", "identity", "constant-correlation"])
    .default("constant-correlation")
    .describe("what the covariance is drawn towards (Ledoit and Wolf)"),
});
export type PortfolioRequest = z.infer<typeof PortfolioRequest>;

export const PORTFOLIO_METHODS = ["minimum-variance", "maximum-sharpe", "risk-parity", "equal"] as const;

export const ComparedPortfolio = z.object({
  method: z.enum(PORTFOLIO_METHODS),
  weights: z
    .array(z.number().min(0).max(1))
    .nullable()
    .describe("one a forecaster; null: nothing gained on the searched bars"),
  searched: StrategyMetrics.nullable(),
  held_out: StrategyMetrics.nullable(),
});
export type ComparedPortfolio = z.infer<typeof ComparedPortfolio>;

export const PortfolioReport = z.object({
  forecasters: z.array(Token),
  code_version: z.string(),
  seconds: z.number().nonnegative(),
  from: Timestamp,
  held_out_from: Timestamp,
  to: Timestamp,
  bars: z.int().positive().describe("steps that all series have in common"),
  shrinkage: z.number().min(0).max(1).describe("share of the target in the covariance"),
  max_weight: z.number(),
  costs: TradingCosts.describe("of the first forecaster's spec"),
  portfolios: z.array(ComparedPortfolio),
});
export type PortfolioReport = z.infer<typeof PortfolioReport>;
