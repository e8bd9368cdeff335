import type { InferenceJob, InferenceTimes } from "./backtest-messages.ts";
import type { ForecastModel } from "./families.ts";
import { empiricalQuantile } from "./sampling.ts";

const WARM_UP_ROUNDS = 2;

/**
 * Times two configurations alternately in one run, so that whatever else the machine does falls on both (A-VAL-3).
 * The order swaps each round; two rounds before do not count. Nothing is cached.
 */
export async function timeInference(
  a: { readonly model: ForecastModel; readonly job: InferenceJob },
  b: { readonly model: ForecastModel; readonly job: InferenceJob },
  rounds: number,
): Promise<InferenceTimes> {
  const times = { a: [] as number[], b: [] as number[] };
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    const first = round % 2 === 0;
    const early = await timeOnce(first ? a : b);
    const late = await timeOnce(first ? b : a);
    if (round < 0) continue;
    times.a.push(first ? early : late);
    times.b.push(first ? late : early);
  }
  return { a_ms: median(times.a), b_ms: median(times.b) };
}

async function timeOnce({
  model,
  job,
}: {
  readonly model: ForecastModel;
  readonly job: InferenceJob;
}): Promise<number> {
  const context = Float32Array.from(
    job.values.subarray(Math.max(0, job.values.length - job.spec.context_length)),
  );
  const startedAt = performance.now();
  await model.forecast([context], job.spec);
  return performance.now() - startedAt;
}

function median(values: readonly number[]): number {
  return empiricalQuantile(Float64Array.from(values).sort(), 0.5);
}
