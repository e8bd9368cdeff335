import { NINE_LEVELS } from "../quantile-forecast.ts";
import type { StoredForecasts } from "./stored-forecasts.ts";

/** One observed step of one window, in scales of its series. */
export interface Target {
  readonly actual: number;
  /** [levels, members] row-major */
  readonly quantiles: Float64Array;
  /** [members] */
  readonly medians: Float64Array;
}

/** Steps of a window that are looked at, evenly spaced: neighbours tell little that is new. */
const MOST_STEPS = 32;

const LEVELS = NINE_LEVELS.length;
const MEDIAN = NINE_LEVELS.indexOf(0.5);

/** @param members indexes of those that are looked at, in this order */
export function targetsOf({ horizon, windows }: StoredForecasts, members: readonly number[]): Target[] {
  const stride = Math.ceil(horizon / MOST_STEPS);
  return windows.flatMap(({ actual, forecasts, scale }) => {
    const unit = scale > 0 ? scale : 1;
    const targets: Target[] = [];
    for (let h = (horizon - 1) % stride; h < horizon; h += stride) {
      if (Number.isNaN(actual[h]!)) continue;
      const quantiles = new Float64Array(LEVELS * members.length);
      members.forEach((m, i) => {
        for (let k = 0; k < LEVELS; k += 1)
          quantiles[k * members.length + i] = forecasts[m]![h * LEVELS + k]! / unit;
      });
      const medians = quantiles.subarray(MEDIAN * members.length, (MEDIAN + 1) * members.length);
      targets.push({ actual: actual[h]! / unit, quantiles, medians });
    }
    return targets;
  });
}

/**
 * Mean pinball loss of the weighted average of the members' quantiles over all levels and targets, twice, as the
 * weighted quantile loss counts it, in scales of the series.
 *
 * @param slope if given, filled with the subgradient by the weights, [members]
 */
export function combinedLoss(
  targets: readonly Target[],
  weights: Float64Array,
  slope?: Float64Array,
): number {
  const n = weights.length;
  slope?.fill(0);
  let total = 0;
  for (const { actual, quantiles } of targets) {
    for (let k = 0; k < LEVELS; k += 1) {
      let combined = 0;
      for (let i = 0; i < n; i += 1) combined += weights[i]! * quantiles[k * n + i]!;
      const level = NINE_LEVELS[k]!;
      const factor = actual >= combined ? level : level - 1;
      total += factor * (actual - combined);
      if (slope !== undefined) for (let i = 0; i < n; i += 1) slope[i]! -= factor * quantiles[k * n + i]!;
    }
  }
  const count = (targets.length * LEVELS) / 2;
  if (slope !== undefined) for (let i = 0; i < n; i += 1) slope[i]! /= count;
  return total / count;
}
