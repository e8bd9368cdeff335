import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Candidate } from "../../shared/contracts/optimizer.ts";
import type { Validated } from "../../shared/contracts/validator.ts";

/** Measures of one config: errors over all backtest windows, and `inference_ms`, the median time of one forecast. */
export type Measured = NonNullable<Validated["candidate_metrics"]>;

export type Champion = NonNullable<Validated["champion"]>;

/** What a live config has in common with a candidate, and its version. */
export function championOf({
  context_length,
  num_samples,
  temperature,
  model,
  artifact,
  version,
}: LiveConfig): Champion {
  return { context_length, num_samples, temperature, model, artifact, version };
}

/** True when deploying the candidate would change nothing. */
export function isSameConfig(a: Candidate, b: Candidate): boolean {
  const fields = ["context_length", "num_samples", "temperature", "model", "artifact"] as const;
  return fields.every((field) => a[field] === b[field]);
}
