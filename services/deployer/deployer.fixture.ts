import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import type { LiveConfig } from "../../shared/contracts/live-config.ts";
import type { Validated } from "../../shared/contracts/validator.ts";
import { newUuidV7 } from "../../shared/ids.ts";

export const APPROVED_AT = "2025-01-13T02:30:00.000Z";

/** A live config of a family without a model file; `version` and the rest as asked. */
export function liveConfig(overrides: Partial<LiveConfig> = {}): LiveConfig {
  return {
    forecaster: "usdclp-7d",
    horizon: "7d",
    model: "seasonal-naive",
    artifact: null,
    context_length: 180,
    num_samples: 100,
    temperature: 1,
    version: 1,
    run_id: newUuidV7(),
    validation_rmse: 9.1,
    validation_mape: 0.95,
    validation_mae: 7.2,
    search_iterations: 27,
    optimization_time_seconds: 142.3,
    timestamp: "2025-01-06T02:30:00.000Z",
    ...overrides,
  };
}

/** An `approved` event for a candidate that was compared with `champion` at `revision`. */
export function approval(
  champion: { value: LiveConfig; revision: number } | undefined,
  overrides: Partial<Validated> = {},
): CloudEvent<Validated> {
  const run_id = overrides.run_id ?? newUuidV7();
  const value = champion?.value;
  const { context_length, num_samples, temperature, model, artifact, version } = value ?? liveConfig();
  const metrics = {
    rmse: 8.45,
    mape: 0.89,
    mae: 6.73,
    mase: 0.9,
    error_std: 8.4,
    mean_error: 0.1,
    coverage: 0.95,
    n: 30,
    windows: 24,
    inference_ms: 3,
  };
  const data: Validated = {
    run_id,
    forecaster: value?.forecaster ?? "usdclp-7d",
    caused_by: [1],
    evidence: { code_version: "test" },
    approved: true,
    first_deployment: champion === undefined,
    candidate: { context_length: 365, num_samples: 200, temperature: 0.8, model, artifact },
    champion:
      champion === undefined ? null : { context_length, num_samples, temperature, model, artifact, version },
    champion_revision: champion?.revision ?? 0,
    candidate_metrics: metrics,
    champion_metrics: champion === undefined ? null : { ...metrics, rmse: 9.1 },
    criteria: [],
    reasons: [],
    search_iterations: 27,
    optimization_time_seconds: 142.3,
    ...overrides,
  };
  return {
    specversion: "1.0",
    id: newUuidV7(),
    source: "retune/validator/test",
    type: "dev.retune.retrain.approved",
    subject: data.forecaster,
    time: APPROVED_AT,
    data,
  };
}
