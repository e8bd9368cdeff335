import { z } from "zod";
import { Duration } from "./duration.ts";
import { numbers, SAMPLERS } from "./spec-search.ts";
import { StrategyParameters } from "./strategy-parameters.ts";

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

/** How a forecaster's forecasts are traded, and how that is tuned: by runs of action `strategy`, and `retune strategy`. */
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
  parameters: StrategyParameters.prefault({}).describe(
    "in force until a run has tuned them: then those of the live config are",
  ),
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
  max_p_value: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe(
      "a run's strategy goes live where the chance that its gain over the live one on the held-out part is luck is at most this",
    ),
  risk_free_rate: z.number().min(-0.5).max(1).default(0).describe("a year, 0.04 is 4 %"),
  history: Duration.default("730d").describe("how far back forecasts are made and traded"),
  holdout: Duration.default("90d").describe("the newest part, which the search does not see"),
  sampler: z.enum(SAMPLERS).default("tpe"),
  trials: z.int().positive().max(10_000).default(200).describe("grid: ignored"),
  seed: z.int().nonnegative().default(1),
});
export type StrategySpec = z.infer<typeof StrategySpec>;
