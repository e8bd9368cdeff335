import { z } from "zod";

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
