import { z } from "zod";
import { Duration } from "./duration.ts";
import { numbers, SAMPLERS } from "./spec-search.ts";

export const SIZINGS = ["fixed", "volatility", "kelly"] as const;
export const SIDES = ["long", "short", "both"] as const;

/** How forecasts become positions. Sizes are shares of equity; 1 is all of it, more is borrowed. (B-STR-1, B-RSK-1) */
export const StrategyParameters = z.strictObject({
  confidence_threshold: z
    .number()
    .min(0.5)
    .max(1)
    .default(0.55)
    .describe("probability of a move to one side from which it is traded; below it the position is closed"),
  sides: z.enum(SIDES).default("long").describe("long: never sells what it does not hold"),
  sizing: z.enum(SIZINGS).default("fixed"),
  position_size: z.number().positive().max(10).default(1).describe("fixed sizing: share of equity"),
  volatility_target: z
    .number()
    .positive()
    .max(5)
    .default(0.15)
    .describe("volatility sizing: standard deviation of a year's return that a position shall have"),
  volatility_window: z
    .int()
    .min(2)
    .max(10_000)
    .default(60)
    .describe("steps whose returns tell the volatility now"),
  kelly_fraction: z
    .number()
    .positive()
    .max(1)
    .default(0.25)
    .describe("Kelly sizing: share of the growth-optimal position"),
  max_position: z.number().positive().max(10).default(1).describe("no position is larger"),
  stop_loss: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("closes at this loss, as a share of the price of entry; 0: never"),
  take_profit: z
    .number()
    .min(0)
    .max(10)
    .default(0)
    .describe("closes at this gain, as a share of the price of entry; 0: never"),
});
export type StrategyParameters = z.infer<typeof StrategyParameters>;

/** Basis points, hundredths of a percent, of what is traded. */
export const TradingCosts = z.strictObject({
  fee_bps: z.number().min(0).max(1_000).default(10),
  spread_bps: z
    .number()
    .min(0)
    .max(1_000)
    .default(2)
    .describe("between bid and ask; each fill pays half of it"),
  slippage_bps: z.number().min(0).max(1_000).default(1),
});
export type TradingCosts = z.infer<typeof TradingCosts>;

const { sides, sizing, ...figures } = StrategyParameters.shape;

/** What is tuned: some values of a parameter or a range. One left out keeps its value in `parameters`. */
export const StrategySpace = z.strictObject({
  sides: z.array(sides.unwrap()).min(1).optional(),
  sizing: z.array(sizing.unwrap()).min(1).optional(),
  confidence_threshold: numbers(figures.confidence_threshold.unwrap()).default({ min: 0.5, max: 0.75 }),
  position_size: numbers(figures.position_size.unwrap()).optional(),
  volatility_target: numbers(figures.volatility_target.unwrap()).optional(),
  volatility_window: numbers(figures.volatility_window.unwrap()).optional(),
  kelly_fraction: numbers(figures.kelly_fraction.unwrap()).optional(),
  max_position: numbers(figures.max_position.unwrap()).optional(),
  stop_loss: numbers(figures.stop_loss.unwrap()).default([0, 0.01, 0.02, 0.05, 0.1]),
  take_profit: numbers(figures.take_profit.unwrap()).default([0, 0.02, 0.05, 0.1, 0.2]),
});
export type StrategySpace = z.infer<typeof StrategySpace>;

export const STRATEGY_OBJECTIVES = ["sharpe", "sortino", "calmar", "return"] as const;
export type StrategyObjective = (typeof STRATEGY_OBJECTIVES)[number];

/** How a forecaster's forecasts would be traded, and how that is tuned: `retune strategy`. */
export const StrategySpec = z.strictObject({
  prices: z
    .strictObject({
      open: z.string().min(1).optional(),
      high: z.string().min(1).optional(),
      low: z.string().min(1).optional(),
    })
    .prefault({})
    .describe("metrics of the series beside the forecast one, which is the close; absent: the close itself"),
  step_ahead: z
    .int()
    .positive()
    .optional()
    .describe("the forecast that is traded, in steps; absent: the last of the horizon"),
  every: z.int().positive().default(1).describe("steps between forecasts"),
  retrain: Duration.default("90d").describe(
    "a trained model is trained anew this often on the way, on what was past then",
  ),
  parameters: StrategyParameters.prefault({}).describe("in force now"),
  space: StrategySpace.prefault({}),
  costs: TradingCosts.prefault({}),
  objective: z.enum(STRATEGY_OBJECTIVES).default("sharpe"),
  max_drawdown: z
    .number()
    .positive()
    .max(1)
    .default(0.25)
    .describe("a strategy that ever lost a larger share of its highest equity is no candidate"),
  min_trades: z.int().min(1).default(10).describe("fewer tell nothing: no candidate"),
  risk_free_rate: z.number().min(-0.5).max(1).default(0).describe("a year, 0.04 is 4 %"),
  history: Duration.default("730d").describe("how far back forecasts are made and traded"),
  holdout: Duration.default("90d").describe("the newest part, which the search does not see"),
  sampler: z.enum(SAMPLERS).default("tpe"),
  trials: z.int().positive().max(10_000).default(200).describe("grid: ignored"),
  seed: z.int().nonnegative().default(1),
});
export type StrategySpec = z.infer<typeof StrategySpec>;
