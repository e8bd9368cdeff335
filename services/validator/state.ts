import type { LiveConfig, ModelParams } from "../../shared/contracts/live-config.ts";
import type { Candidate } from "../../shared/contracts/optimizer.ts";
import type { Validated } from "../../shared/contracts/validator.ts";

/** Measures of one config: errors over all backtest windows, and `inference_ms`, the median time of one forecast. */
export type Measured = NonNullable<Validated["candidate_metrics"]>;

/** Entities of a fleet that models were not trained with, by name. */
export interface Unknown {
  /** of the fleet, as many as the data has */
  readonly entities: number;
  readonly candidate: readonly string[];
  /** empty where nothing is live */
  readonly champion: readonly string[];
}

export type Champion = NonNullable<Validated["champion"]>;

/** What a live config has in common with a candidate, and its version. */
export function championOf({
  context_length,
  num_samples,
  temperature,
  model_params,
  model,
  artifact,
  strategy,
  version,
}: LiveConfig): Champion {
  return { context_length, num_samples, temperature, model_params, model, artifact, strategy, version };
}

/** True when both are the same model, set the same; how its forecasts are traded does not count. */
export function isSameConfig(a: Candidate, b: Candidate): boolean {
  const fields = ["context_length", "num_samples", "temperature", "model", "artifact"] as const;
  return fields.every((field) => a[field] === b[field]) && isSameParams(a.model_params, b.model_params);
}

export function isSameParams(a: ModelParams = {}, b: ModelParams = {}): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => a[name] === b[name]);
}
