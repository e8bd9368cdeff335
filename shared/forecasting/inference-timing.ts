import { InvalidInputError } from "../errors.ts";
import { type BacktestData, seriesInfo } from "./backtest-data.ts";
import type { InferenceJob, InferenceTimes } from "./backtest-messages.ts";
import type { ForecastModel } from "./families.ts";
import { MIN_OBSERVED } from "./forecast.ts";
import { empiricalQuantile } from "./sampling.ts";

const WARM_UP_ROUNDS = 2;
/** Of a fleet so many series are forecast at once, which is one batch of a model. */
const MAX_SERIES = 32;

interface Contender {
  readonly model: ForecastModel;
  readonly job: InferenceJob;
}

/**
 * Times two configurations alternately in one run, so that whatever else the machine does falls on both (A-VAL-3).
 * The order swaps each round; two rounds before do not count. Nothing is cached.
 *
 * @returns medians of one forecast of one series; of a fleet 32 series are forecast together
 * @throws {InvalidInputError} where no series has enough values at its end
 */
export async function timeInference(
  data: BacktestData,
  a: Contender,
  b: Contender,
  rounds: number,
): Promise<InferenceTimes> {
  const times = { a: [] as number[], b: [] as number[] };
  const series = forecastable(data, Math.min(a.job.spec.context_length, b.job.spec.context_length));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    const first = round % 2 === 0;
    const early = await timeOnce(data, series, first ? a : b);
    const late = await timeOnce(data, series, first ? b : a);
    if (round < 0) continue;
    times.a.push(first ? early : late);
    times.b.push(first ? late : early);
  }
  return { a_ms: median(times.a), b_ms: median(times.b) };
}

/** Series that the shorter context can be forecast of, by their index. */
function forecastable({ series }: BacktestData, contextLength: number): number[] {
  const able = series.flatMap(({ values }, s) => {
    const observed = values.slice(-contextLength).filter((value) => !Number.isNaN(value)).length;
    return observed >= MIN_OBSERVED ? [s] : [];
  });
  if (able.length > 0) return able.slice(0, MAX_SERIES);
  throw new InvalidInputError(
    `no series has ${MIN_OBSERVED} observed values in its last ${contextLength} steps: no forecast can be timed`,
  );
}

async function timeOnce(
  data: BacktestData,
  indexes: readonly number[],
  { model, job }: Contender,
): Promise<number> {
  const contexts = indexes.map((s) =>
    Float32Array.from(data.series[s]!.values.slice(-job.spec.context_length)),
  );
  const cutoff = data.series[0]!.values.length - 1;
  const infos = indexes.flatMap((series) => seriesInfo(data, { cutoff, series }) ?? []);
  const spec = { ...job.spec, grid: data.grid, series: infos.length === indexes.length ? infos : undefined };
  const startedAt = performance.now();
  await model.forecast(contexts, spec);
  return (performance.now() - startedAt) / indexes.length;
}

function median(values: readonly number[]): number {
  return empiricalQuantile(Float64Array.from(values).sort(), 0.5);
}
