import type { Bus } from "../../../shared/bus/bus.ts";
import { addSteps, ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { RunScript } from "./samples.ts";

/** Stores every step of a run; the sequences they got. */
export async function publishRun(bus: Bus, script: RunScript): Promise<number[]> {
  const sequences: number[] = [];
  for (const { subject, event } of script.events)
    sequences.push((await bus.publishOnce(subject, event)).sequence);
  return sequences;
}

export async function putSpec(bus: Bus, spec: ForecasterSpec): Promise<void> {
  await bus.kv("specs", ForecasterSpec).put(spec.forecaster, spec);
}

/** A made-up but smooth daily rate. */
export function rateAt(step: number): number {
  return 1.09 + 0.02 * Math.sin(step / 17) + 0.006 * Math.sin(step / 3.1) + 0.002 * Math.sin(step * 1.7);
}

/**
 * Publishes `days` observations of the spec's series and, for each, the forecast of the time with its scores,
 * so that a page has something to show. `error` is how far the forecast is off.
 */
export async function publishHistory(
  bus: Bus,
  spec: ForecasterSpec,
  startMs: number,
  days: number,
  horizon: number,
  error = 0.003,
): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    const at = addSteps(startMs, day, spec);
    const ts = new Date(at).toISOString();
    await bus.publishTelemetry(
      "observation",
      spec.series,
      [{ ts, values: { [spec.metric]: rateAt(day) } }],
      ts,
    );
    if (day < 20) continue;
    const predictions = Array.from({ length: horizon }, (_, i) => {
      const step = i + 1;
      const mean = rateAt(day) + (rateAt(day + step) - rateAt(day)) * 0.6 + error * Math.sin(day);
      const spread = 0.004 * Math.sqrt(step);
      return {
        issued_at: ts,
        target_ts: new Date(addSteps(at, step, spec)).toISOString(),
        step,
        mean,
        lower: mean - spread,
        upper: mean + spread,
        known_entity: true,
        model_version: "v1-00000000",
        latency_ms: 9.4,
      };
    });
    await bus.publishTelemetry("prediction", spec.forecaster, predictions, ts);
    const score = {
      issued_at: new Date(addSteps(startMs, day - 1, spec)).toISOString(),
      target_ts: ts,
      step: 1,
      error: (rateAt(day - 1) - rateAt(day)) * 0.4 + error * Math.sin(day - 1),
      abs_pct_error: 0.2,
      in_interval: true,
      model_version: "v1-00000000",
      naive_error: rateAt(day - 1) - rateAt(day),
    };
    await bus.publishTelemetry("score", spec.forecaster, [score], ts);
  }
}

export async function publishHealth(bus: Bus, forecaster: string, over: object = {}): Promise<void> {
  const health = {
    instance: "forecaster-1",
    status: "ok",
    live_revision: 4,
    model_version: "v1-00000000",
    rss_mb: 182,
    latency_ms_p50: 9.4,
    failures: 0,
    loaded_at: "2025-03-03T00:03:00Z",
    ...over,
  };
  await bus.publishTelemetry("health", forecaster, [health], crypto.randomUUID());
}
