import { foldScores } from "../../services/trigger/monitor.ts";
import { initialMonitor } from "../../services/trigger/state.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { randomKey, uniformAt } from "../../shared/forecasting/random.ts";
import { autocorrelationTime } from "../../shared/statistics/autocorrelation.ts";
import { ksTwoSample } from "../../shared/statistics/ks-two-sample.ts";
import type { BenchResult } from "./result.ts";

/** Two-sample KS against the bare sort of both samples, its physical limit; the trigger's work a score and a test. */
export async function run(): Promise<BenchResult[]> {
  const size = 100_000;
  const a = draws(1, size);
  const b = draws(2, size);
  const sortMs = median(() => {
    Float64Array.from(a).sort();
    Float64Array.from(b).sort();
  });
  const ksMs = median(() => ksTwoSample(a, b));
  const exactMs = median(() => ksTwoSample(a.subarray(0, 1_000), b.subarray(0, 1_000)));
  const walk = draws(3, 1_000);
  for (let t = 1; t < walk.length; t += 1) walk[t]! += 0.8 * walk[t - 1]!;
  const correlationMs = median(() => autocorrelationTime(walk));
  return [
    { name: "KS, 2 x 100,000 values", value: ksMs, unit: "ms" },
    { name: "KS / typed-array sort alone", value: ksMs / sortMs, unit: "x", target: "<= 1.5" },
    { name: "KS exact p-value, 2 x 1,000 values", value: exactMs, unit: "ms" },
    { name: "autocorrelation time, 1,000 values of AR(0.8)", value: correlationMs, unit: "ms" },
    { name: "score into the trigger's windows", value: scoreUs(), unit: "us" },
  ];
}

function scoreUs(): number {
  const spec = ForecasterSpec.parse({ forecaster: "bench", series: "bench", horizon: "7d" });
  const dayMs = 86_400_000;
  const records = Array.from({ length: 10_000 }, (_, i) => ({
    issued_at: new Date((i / 7 - 1) * dayMs).toISOString(),
    target_ts: new Date((i / 7) * dayMs).toISOString(),
    step: 1 + (i % 7),
    error: Math.sin(i),
    abs_pct_error: 1,
    in_interval: true,
    model_version: "v1",
  }));
  const batch = [{ sequence: 1, records, latestMs: Number.MAX_SAFE_INTEGER }];
  return (1_000 * median(() => foldScores(initialMonitor("bench"), batch, spec))) / records.length;
}

function draws(seed: number, n: number): Float64Array {
  const key = randomKey(seed);
  return Float64Array.from({ length: n }, (_, i) => uniformAt(key, i));
}

function median(work: () => unknown): number {
  const times = Array.from({ length: 7 }, () => {
    const from = performance.now();
    work();
    return performance.now() - from;
  });
  return times.sort((x, y) => x - y)[3]!;
}
