import type { BacktestMetrics, TrialResult, WindowSums } from "../../shared/contracts/optimizer.ts";
import { addSums, type Measures, measuresOf, NO_SUMS } from "../../shared/forecasting/window-sums.ts";
import type { PlannedTrial, Study } from "./state.ts";

/** In place of a worker, where all windows of a trial were known from earlier runs. */
const EARLIER = "earlier runs";

/** What is known of one window of one config. */
export interface ScoredWindow {
  /** as `windowLoss`; null where nothing is scored */
  readonly loss: number | null;
  readonly sums: WindowSums | null;
}

/** All that is known of a trial so far. */
export interface TrialParts {
  readonly trial: PlannedTrial;
  /** results by rung, in order; none where everything was known from earlier runs */
  readonly results: readonly TrialResult[];
  /** windows known from earlier runs */
  readonly reused: readonly ScoredWindow[];
}

/**
 * One row of the trial table from what the rungs and earlier runs have found: measures over all their windows together.
 * A trial that failed on one rung has failed. (A-OPT-2)
 */
export function rowOf(study: Pick<Study, "search" | "naive_scale">, parts: TrialParts): TrialResult {
  const { trial, results, reused } = parts;
  const { number, generation, phase, model, params } = trial;
  const last = results.at(-1);
  const about = {
    ...{ number, generation, phase, model, params, rung: last?.rung ?? 0 },
    duration_ms: results.reduce((sum, each) => sum + each.duration_ms, 0),
    worker: last?.worker ?? EARLIER,
    ...costsOf(results),
    ...(reused.length === 0 ? {} : { reused: reused.length }),
  };
  if (last !== undefined && last.rmse === null) {
    const { error, out_of_memory } = last;
    return {
      ...{ ...about, rmse: null, objective: null, metrics: null, error },
      ...(out_of_memory === undefined ? {} : { out_of_memory }),
    };
  }
  const { objective } = study.search;
  if (results.length === 1 && reused.length === 0) {
    const { rmse, metrics, objective: found } = last!;
    return { ...about, rmse, metrics, objective: found ?? (objective === "rmse" ? rmse : null) };
  }
  const windows = [...results.flatMap(windowsOf), ...reused];
  const measures = measuresOf(windows.reduce((sum, each) => addSums(sum, each.sums ?? NO_SUMS), NO_SUMS));
  const mase = scaled(measures, study.naive_scale, results);
  const { wql: _, ...others } = measures;
  const metrics: BacktestMetrics = { ...others, mase, windows: windows.length };
  return { ...about, rmse: measures.rmse, metrics, objective: { ...measures, mase }[objective] };
}

/** The windows of one result, in the order of its task's cutoffs; none where a result does not list them. */
export function windowsOf({ losses = [], sums = [] }: TrialResult): ScoredWindow[] {
  return losses.map((loss, i) => ({ loss, sums: sums[i] ?? null }));
}

function scaled({ mae, n }: Measures, scale: number | null, results: readonly TrialResult[]): number | null {
  if (scale !== null) return mae / scale;
  // The series of a fleet have scales of their own, so what is known is put together by its weight.
  const known = results.flatMap(({ metrics }) =>
    metrics?.mase == null ? [] : [{ n: metrics.n, mase: metrics.mase }],
  );
  const weight = known.reduce((sum, each) => sum + each.n, 0);
  return weight === 0 || n === 0 ? null : known.reduce((sum, each) => sum + each.n * each.mase, 0) / weight;
}

/** Time of one forecast, the mean over the rungs by their windows, and the most memory of any rung. */
function costsOf(results: readonly TrialResult[]): Partial<TrialResult> {
  const timed = results.flatMap(({ inference_ms, metrics }) =>
    inference_ms === undefined ? [] : [{ inference_ms, windows: metrics?.windows ?? 0 }],
  );
  const windows = timed.reduce((sum, each) => sum + each.windows, 0);
  const memory = results.flatMap(({ memory_mb }) => memory_mb ?? []);
  const training = results.find((each) => each.training !== undefined)?.training;
  const reduced = results.find((each) => each.reduced !== undefined)?.reduced;
  return {
    ...(windows > 0
      ? { inference_ms: timed.reduce((sum, each) => sum + each.inference_ms * each.windows, 0) / windows }
      : {}),
    ...(memory.length === 0 ? {} : { memory_mb: Math.max(...memory) }),
    ...(training === undefined ? {} : { training }),
    ...(reduced === undefined ? {} : { reduced }),
  };
}
