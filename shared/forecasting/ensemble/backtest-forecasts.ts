import { explain, InvalidInputError } from "../../errors.ts";
import { naiveScale } from "../../statistics/errors.ts";
import { timeBefore } from "../bundle/trained-on.ts";
import type { TrainingRequest, TrainingSeries } from "../family.ts";
import { MIN_OBSERVED } from "../forecast.ts";
import { atNineLevels } from "./combine.ts";
import { type LeftOut, memberForecasts, type OpenMember } from "./members.ts";
import type { StoredForecasts, StoredWindow } from "./stored-forecasts.ts";

/** What a backtest of members looks at. */
export type BacktestRequest = Pick<
  TrainingRequest,
  "series" | "grid" | "horizon" | "seasonLength" | "params" | "seed"
>;

/**
 * What every member forecasts at every cutoff, to be stored and weighed. At each cutoff all series that can be forecast
 * go to a member in one call, so that families that forecast them together do. Nothing after a cutoff is shown.
 *
 * A member that fails at any cutoff is left out with its reason, since weights compare members on the same windows.
 *
 * @param cutoffs indexes of the longest series, ascending; the other series are aligned with it by their ends
 * @throws {InvalidInputError} when every member fails, or nothing can be forecast at any cutoff
 */
export async function backtestForecasts(
  members: readonly OpenMember[],
  request: BacktestRequest,
  cutoffs: readonly number[],
): Promise<{ stored: StoredForecasts; leftOut: LeftOut[] }> {
  const asked = cutoffs.map((cutoff) => windowsAt(request, cutoff)).filter((windows) => windows.length > 0);
  if (asked.length === 0) {
    throw new InvalidInputError(
      `nothing can be forecast at the ensemble's ${cutoffs.length} cutoffs: each needs ${MIN_OBSERVED} observed values before it and one after it`,
    );
  }
  const leftOut: LeftOut[] = [];
  const kept: { family: string; forecasts: Float32Array[] }[] = [];
  for (const member of members) {
    try {
      kept.push({ family: member.family, forecasts: await forecastAll(member, asked, request) });
    } catch (error) {
      leftOut.push({ family: member.family, reason: explain(error) });
    }
  }
  if (kept.length === 0) throw everyMemberFailed(leftOut);
  const windows = asked.flat().map(
    ({ entity, endMs, scale, actual }, w): StoredWindow => ({
      ...{ entity, cutoffMs: endMs, scale, actual },
      forecasts: kept.map(({ forecasts }) => forecasts[w]!),
    }),
  );
  const stored = { horizon: request.horizon, members: kept.map(({ family }) => family), windows };
  return { stored, leftOut };
}

export function everyMemberFailed(leftOut: readonly LeftOut[]): InvalidInputError {
  const reasons = leftOut.map(({ family, reason }) => `${family}: ${reason}`);
  return new InvalidInputError(`every member of the ensemble failed; ${reasons.join("; ")}`);
}

interface AskedWindow {
  readonly entity: string | null;
  readonly endMs: number;
  readonly scale: number;
  readonly context: Float32Array;
  readonly actual: Float32Array;
}

/** One a series that has enough before the cutoff and anything after it. */
function windowsAt({ series, grid, horizon, params }: BacktestRequest, cutoff: number): AskedWindow[] {
  const age = longestOf(series) - 1 - cutoff;
  return series.flatMap(({ entity, values, endMs }) => {
    const end = values.length - age;
    if (end < 1) return [];
    const context = Float32Array.from(values.subarray(Math.max(0, end - params.context_length), end));
    const actual = new Float32Array(horizon).fill(Number.NaN);
    actual.set(values.subarray(end, end + horizon));
    if (observed(context) < MIN_OBSERVED || observed(actual) === 0) return [];
    const scale = naiveScale(context, 1);
    return [
      {
        entity,
        endMs: timeBefore(endMs, age, grid),
        scale: Number.isNaN(scale) ? 0 : scale,
        context,
        actual,
      },
    ];
  });
}

async function forecastAll(
  member: OpenMember,
  asked: readonly (readonly AskedWindow[])[],
  { horizon, seasonLength, params, seed, grid }: BacktestRequest,
): Promise<Float32Array[]> {
  const results: Float32Array[] = [];
  for (const windows of asked) {
    const contexts = windows.map(({ context }) => context);
    const series = windows.map(({ entity, endMs }) => ({ entity, endMs }));
    const spec = { ...params, horizon, season_length: seasonLength, series, grid, seed };
    for (const forecast of await memberForecasts(member, contexts, spec))
      results.push(Float32Array.from(atNineLevels(forecast)));
  }
  return results;
}

export function longestOf(series: readonly TrainingSeries[]): number {
  return Math.max(...series.map(({ values }) => values.length));
}

function observed(values: Float32Array): number {
  return values.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
}
