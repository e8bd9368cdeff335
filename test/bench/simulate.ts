/** A year of hourly telemetry for 100 forecasters through every policy of `retune simulate`, nothing retrained. */

import type { Recording } from "../../services/trigger/simulate/recording.ts";
import { onRecording } from "../../services/trigger/simulate/what-if.ts";
import { addSteps, ForecasterSpec } from "../../shared/contracts/spec.ts";
import { uniform } from "../../shared/forecasting/random.ts";
import type { BenchResult } from "./result.ts";

const FORECASTERS = 100;
const HOURS = 365 * 24;
const START = Date.parse("2025-01-01T00:00:00Z");
const POLICIES = 4;
const ALWAYS = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

function recording(number: number): Recording {
  const spec = ForecasterSpec.parse({
    forecaster: `f-${number}`,
    series: `s-${number}`,
    step: "1h",
    horizon: "1h",
    season_length: 24,
  });
  const at = (hour: number) => new Date(addSteps(START, hour, spec)).toISOString();
  const value = (hour: number) => 10 + Math.sin((hour / 12) * Math.PI) + uniform(number, hour);
  const hours = Array.from({ length: HOURS }, (_, hour) => hour);
  return {
    forecaster: spec.forecaster,
    specs: [{ revision: 1, spec }],
    observations: hours.map((hour) => ({
      sequence: 2 * hour + 1,
      latestMs: Number.POSITIVE_INFINITY,
      records: [{ ts: at(hour), values: { value: value(hour) } }],
    })),
    scores: hours.slice(1).map((hour) => ({
      sequence: 2 * hour + 2,
      latestMs: Number.POSITIVE_INFINITY,
      records: [
        {
          issued_at: at(hour - 1),
          target_ts: at(hour),
          step: 1,
          error: uniform(number, hour, 1) - 0.5,
          abs_pct_error: 1,
          in_interval: true,
          model_version: "v1",
        },
      ],
    })),
    events: [],
    requests: [],
  };
}

export async function run(): Promise<BenchResult[]> {
  let played = 0;
  let evaluations = 0;
  for (let number = 0; number < FORECASTERS; number += 1) {
    const recorded = recording(number);
    const startedAt = performance.now();
    const outcomes = await onRecording(recorded, [], ALWAYS);
    played += (performance.now() - startedAt) / 1000;
    evaluations += outcomes.reduce((sum, each) => sum + each.evaluations, 0);
  }
  return [
    {
      name: `one year of hourly telemetry, ${FORECASTERS} forecasters, ${POLICIES} policies`,
      value: played,
      unit: "s",
    },
    { name: "the same, one policy", value: played / POLICIES, unit: "s", target: "< 60 s" },
    { name: "hours of one forecaster played", value: (FORECASTERS * HOURS * POLICIES) / played, unit: "/s" },
    { name: "evaluations made", value: evaluations / played, unit: "/s" },
  ];
}
