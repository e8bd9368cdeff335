import { z } from "zod";
import { Duration } from "./duration.ts";
import { StrategyParameters } from "./strategy-parameters.ts";
import { ArtifactDigest, RunId, Token } from "./subjects.ts";
import { Timestamp } from "./telemetry.ts";

/** A family's own parameters, by name: `top_k` of chronos-t5, `learning_rate` of gbdt. */
export const ModelParams = z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]));
export type ModelParams = z.infer<typeof ModelParams>;

/** What a search may change. `context_length` in steps, `num_samples` in draws, `temperature` scales the spread. */
export const Hyperparameters = z.object({
  context_length: z.int().min(8).max(8192),
  num_samples: z.int().min(1).max(10_000),
  temperature: z.number().positive().max(10),
  model_params: ModelParams.optional().describe("the family's own parameters; one left out has its default"),
});
export type Hyperparameters = z.infer<typeof Hyperparameters>;

export const MODEL_FAMILIES = [
  "chronos-bolt",
  "arima",
  "ets",
  "var",
  "gbdt",
  "linear",
  "signal",
  "ensemble",
  "seasonal-naive",
  "last-value",
  "chronos-t5",
  "chronos-2",
  "command",
] as const;

/** What a forecaster runs now: bucket `live-configs`, key = forecaster id. Unknown fields are kept. (A-OPT-5) */
export const LiveConfig = z.looseObject({
  ...Hyperparameters.shape,
  forecaster: Token,
  horizon: Duration,
  model: z.enum(MODEL_FAMILIES),
  artifact: ArtifactDigest.nullable().describe("null for families without a file"),
  strategy: StrategyParameters.optional().describe(
    "how its forecasts are traded, once a run has tuned that; absent: as the spec says",
  ),
  version: z.int().positive().describe("1 for the first deployment, then one more each time"),
  run_id: RunId,
  validation_rmse: z.number().nonnegative().nullable(),
  validation_mape: z.number().nonnegative().nullable().describe("percent"),
  validation_mae: z.number().nonnegative().nullable(),
  search_iterations: z.int().nonnegative(),
  optimization_time_seconds: z.number().nonnegative(),
  timestamp: Timestamp,
});
export type LiveConfig = z.infer<typeof LiveConfig>;

/**
 * How telemetry names a live config: `v3-1a2b3c4d`, or `v3` for families without an artifact. A challenger's name ends
 * with that of its run, `v4-1a2b3c4d-5e6f7a8b`: every challenger of one champion is a version ahead of it.
 */
export function modelVersion(
  { version, artifact, run_id }: Pick<LiveConfig, "version" | "artifact" | "run_id">,
  variant: "champion" | "challenger" = "champion",
): string {
  const name = artifact === null ? `v${version}` : `v${version}-${artifact.slice(7, 15)}`;
  return variant === "champion" ? name : `${name}-${run_id.slice(-8)}`;
}
