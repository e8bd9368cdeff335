import { Health, Observation, Prediction, Score } from "../../../shared/contracts/telemetry.ts";
import type { ForecasterProjection } from "./forecaster.ts";

/**
 * Tells one record of telemetry to the forecasters it is about: all of its series for an observation, the one
 * it names otherwise. `atMs` is when the stream took it. `ignored` is valid and of no concern: another entity, another metric.
 */
export function tellRecord(
  kind: string | undefined,
  record: unknown,
  audience: readonly ForecasterProjection[],
  atMs: number,
): "taken" | "ignored" | "invalid" {
  switch (kind) {
    case "observation":
      return tell(Observation, record, audience, (forecaster, observation) =>
        forecaster.observe(observation),
      );
    case "prediction":
      return tell(Prediction, record, audience, (forecaster, prediction) => forecaster.predicted(prediction));
    case "score":
      return tell(Score, record, audience, (forecaster, score) => forecaster.scored(score));
    case "health":
      return tell(Health, record, audience, (forecaster, health) => {
        forecaster.heartbeat(health, atMs);
        return true;
      });
    default:
      return "ignored";
  }
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

function tell<T>(
  schema: Schema<T>,
  record: unknown,
  audience: readonly ForecasterProjection[],
  take: (forecaster: ForecasterProjection, data: T) => boolean,
): "taken" | "ignored" | "invalid" {
  const parsed = schema.safeParse(record);
  if (!parsed.success) return "invalid";
  const taken = audience.map((forecaster) => take(forecaster, parsed.data));
  return taken.includes(true) ? "taken" : "ignored";
}
