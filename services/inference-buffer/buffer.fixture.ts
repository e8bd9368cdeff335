import type { Observation, Prediction } from "../../shared/contracts/telemetry.ts";

export const DAY_MS = 86_400_000;
/** Day 0 of the tests, before the test clock's 2025. */
export const START = Date.parse("2024-06-01T00:00:00Z");

/** ISO time of day `n`. */
export const day = (n: number): string => new Date(START + n * DAY_MS).toISOString();

/** Day `n` of a series of one metric. */
export const observation = (n: number, value: number): Observation => ({ ts: day(n), values: { value } });

/** Forecast of day `target`, issued on day `issued`, one step a day, of `mean` plus or minus 1. */
export function prediction(
  issued: number,
  target: number,
  mean: number,
  more: Partial<Prediction> = {},
): Prediction {
  return {
    issued_at: day(issued),
    target_ts: day(target),
    step: target - issued,
    mean,
    lower: mean - 1,
    upper: mean + 1,
    known_entity: true,
    model_version: "v1",
    latency_ms: 1,
    ...more,
  };
}
