import { DETECTORS, evaluate } from "../../services/trigger/decide.ts";
import type { Situation } from "../../services/trigger/judgement/situation.ts";
import { type Batch, readObservations, readScores } from "../../services/trigger/monitor/monitor.ts";
import { initialMonitor } from "../../services/trigger/state.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { DETECTORS as NAMES } from "../../shared/contracts/spec-detectors.ts";
import type { Observation, Score } from "../../shared/contracts/telemetry.ts";
import { EvaluationInputs } from "../../shared/contracts/trigger.ts";
import { randomKey, uniformAt } from "../../shared/forecasting/random.ts";
import type { BenchResult } from "./result.ts";

const FORECASTERS = 1_000;
/** Different series; forecasters beyond these look at them again. */
const SERIES = 20;
const HOURS = 75 * 24;
const HOUR_MS = 3_600_000;
const NOW_MS = Date.parse("2025-06-01T00:00:00Z");

/** A thousand hourly forecasters with full windows, evaluated by every detector there is; and what telemetry costs. */
export async function run(): Promise<BenchResult[]> {
  const spec = ForecasterSpec.parse({
    forecaster: "bench",
    series: "bench",
    horizon: "24h",
    step: "1h",
    season_length: 24,
    trigger: Object.fromEntries(NAMES.map((name) => [name, { enabled: true }])),
  });
  const from = performance.now();
  const situations = Array.from({ length: SERIES }, (_, seed) => situationOf(spec, seed));
  const foldMs = performance.now() - from;
  for (const situation of situations) evaluate(situation); // compiled before it is measured

  const spent = new Map<string, number>();
  const timed = Object.fromEntries(
    NAMES.map((name) => [
      name,
      (situation: Situation, earlier: Parameters<(typeof DETECTORS)[typeof name]>[1]) => {
        const started = performance.now();
        const result = DETECTORS[name](situation, earlier);
        spent.set(name, (spent.get(name) ?? 0) + performance.now() - started);
        return result;
      },
    ]),
  ) as typeof DETECTORS;
  const started = performance.now();
  for (let i = 0; i < FORECASTERS; i += 1) evaluate(situations[i % SERIES]!, timed);
  const totalMs = performance.now() - started;

  const messages = SERIES * HOURS * 2;
  return [
    {
      name: `evaluations a second, ${NAMES.length} detectors each`,
      value: (1_000 * FORECASTERS) / totalMs,
      unit: "/s",
    },
    { name: `${FORECASTERS} forecasters evaluated`, value: totalMs / 1_000, unit: "s" },
    ...[...spent]
      .sort(([, a], [, b]) => b - a)
      .map(([name, ms]) => ({ name: `of it ${name}`, value: (100 * ms) / totalMs, unit: "%" })),
    { name: "message of telemetry taken in, one at a time", value: (1_000 * foldMs) / messages, unit: "us" },
  ];
}

/** A season, noise that remembers, and forecasts that are off by noise. */
function situationOf(spec: ForecasterSpec, seed: number): Situation {
  const key = randomKey(seed);
  let level = 0;
  let monitor = initialMonitor(spec.forecaster);
  for (let hour = 0; hour < HOURS; hour += 1) {
    const at = new Date(NOW_MS - (HOURS - hour) * HOUR_MS).toISOString();
    level = 0.7 * level + uniformAt(key, 3 * hour) - 0.5;
    const actual = 10 + Math.sin((Math.PI * hour) / 12) + level;
    const mean = actual + uniformAt(key, 3 * hour + 1) - 0.5;
    const score: Score = {
      issued_at: at,
      target_ts: at,
      step: 1,
      error: mean - actual,
      abs_pct_error: Math.abs(100 * (mean / actual - 1)),
      in_interval: true,
      model_version: "v1",
    };
    const observation: Observation = { ts: at, values: { value: actual } };
    monitor = readScores(monitor, batch(2 * hour + 1, score), spec);
    monitor = readObservations(monitor, batch(2 * hour + 2, observation), spec);
  }
  const trail = Array.from({ length: 30 }, (_, i): [string, number] => [
    new Date(NOW_MS - (30 - i) * 24 * HOUR_MS).toISOString(),
    0.003 * i + 0.01 * uniformAt(key, i),
  ]);
  const inputs = EvaluationInputs.parse({
    last_optimized_at: new Date(NOW_MS - 60 * 24 * HOUR_MS).toISOString(),
    trails: { performance: trail },
  });
  return { spec, monitor, nowMs: NOW_MS, inputs };
}

function batch<T>(sequence: number, record: T): Batch<T>[] {
  return [{ sequence, records: [record], latestMs: NOW_MS }];
}
