import { z } from "zod";
import { OBJECTIVES } from "../forecasting/window-loss.ts";
import { Duration } from "./duration.ts";
import { Hyperparameters, MODEL_FAMILIES } from "./live-config.ts";

export const SAMPLERS = ["grid", "random", "halton", "tpe", "gp"] as const;
export const PRUNERS = ["none", "race", "halving"] as const;

const { context_length, num_samples, temperature } = Hyperparameters.shape;

/** Numbers from `min` to `max`: a grid of them needs a `step`, or integers. */
const range = (value: z.ZodNumber) =>
  z
    .strictObject({
      min: value,
      max: value,
      log: z.boolean().optional().describe("searched on a logarithmic scale; excludes step"),
      step: z.number().positive().optional(),
    })
    .refine(({ min, max }) => min <= max, { path: ["min"], message: "expected at most max" })
    .refine(({ log, min }) => log !== true || min > 0, {
      path: ["min"],
      message: "expected more than 0 with log",
    })
    .refine(({ log, step }) => log !== true || step === undefined, {
      path: ["step"],
      message: "excludes log",
    });

/** What one number may be: these values, or a range. */
export const numbers = (value: z.ZodNumber) => z.union([z.array(value).min(1), range(value)]);

const Choice = z.union([z.number(), z.string(), z.boolean()]);

/** The seed's space, for what a spec leaves out. (A-OPT-1) */
export const DEFAULT_SPACE: Readonly<Record<"context_length" | "num_samples" | "temperature", number[]>> = {
  context_length: [90, 180, 365],
  num_samples: [50, 100, 200],
  temperature: [0.8, 1.0, 1.2],
};

/** What a search may vary. A family's own parameter that is left out has the family's default. */
export const SearchSpace = z.strictObject({
  context_length: numbers(context_length)
    .optional()
    .describe("absent: 90, 180 and 365, where the family looks at it"),
  num_samples: numbers(num_samples).optional().describe("absent: 50, 100 and 200, where the family draws"),
  temperature: numbers(temperature).optional().describe("absent: 0.8, 1 and 1.2, where the family heeds it"),
  model: z
    .array(z.enum(MODEL_FAMILIES))
    .min(1)
    .optional()
    .describe("families to choose among; absent: model.family alone"),
  model_params: z
    .record(z.string().min(1), z.union([z.array(Choice).min(1), range(z.number())]))
    .optional()
    .describe("parameters that a family declares, by name; each is searched for the families that have it"),
});
export type SearchSpace = z.infer<typeof SearchSpace>;

const Weight = z.number().min(0).max(10).default(0);

/** How to search. (A-OPT-1..8) */
export const SearchSpec = z.strictObject({
  sampler: z
    .enum(SAMPLERS)
    .default("grid")
    .describe("grid: every point; random, halton: spread over the space; tpe, gp: learn from what was tried"),
  space: SearchSpace.prefault({}),
  trials: z.int().positive().max(10_000).default(27).describe("how many points; grid search: ignored"),
  generation: z
    .int()
    .positive()
    .max(256)
    .default(4)
    .describe(
      "tpe, gp: trials that are planned at once, from the results of all before; so many can share the work",
    ),
  prune: z
    .enum(PRUNERS)
    .default("none")
    .describe("give up trials early on a part of the windows: by paired tests, or all but the best third"),
  objective: z.enum(OBJECTIVES).default("rmse").describe("what is minimised"),
  weights: z
    .strictObject({
      inference_time: Weight,
      memory: Weight,
    })
    .prefault({})
    .describe(
      "what cost counts: 0.1 takes a 10 % worse objective for a tenth of the cost; times are as measured, so tables then differ",
    ),
  backtest: Duration.default("30d").describe(
    "the part of history before the hold-out, which the backtest forecasts",
  ),
  holdout: Duration.optional().describe(
    "the last part of history, which the search never sees and the validator judges by; absent: as long as backtest",
  ),
  step_size: z.int().positive().default(1).describe("steps between backtest cutoffs"),
  history: Duration.default("730d").describe("how much history a run asks for"),
  min_samples: z
    .int()
    .nonnegative()
    .default(0)
    .describe("observations within `history` that a run of any kind needs"),
  refit: z
    .enum(["full", "incremental"])
    .default("full")
    .describe("remedy refit: train anew, or go on from the live model where the family can"),
  time_limit: Duration.default("10m"),
  fallback: z
    .strictObject({ trials: z.int().positive().default(6), time_limit: Duration.default("5m") })
    .prefault({})
    .describe("random search over the cheaper half of the space after a time-out or lack of memory"),
  memory_limit_mb: z
    .int()
    .min(64)
    .default(768)
    .describe("of the process that runs a trial: its heap, and, beside 256 MB for itself, all of its memory"),
  attempts: z
    .int()
    .positive()
    .max(20)
    .default(3)
    .describe("deliveries of one trial before it scores infinite"),
  seed: z.int().nonnegative().default(1),
});
export type SearchSpec = z.infer<typeof SearchSpec>;

/** The longest context that a search may try. */
export function longestContext({ context_length = DEFAULT_SPACE.context_length }: SearchSpace): number {
  return Array.isArray(context_length) ? Math.max(...context_length) : context_length.max;
}
