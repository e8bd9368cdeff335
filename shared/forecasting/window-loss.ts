import { naiveScale } from "../statistics/errors.ts";
import type { SeriesForecast } from "./quantile-forecast.ts";

/** What a search minimises: the name of a measure over all windows. */
export const OBJECTIVES = ["rmse", "mae", "mape", "mase", "wql"] as const;
export type Objective = (typeof OBJECTIVES)[number];

/** One scored forecast of one series. */
export interface ScoredWindow {
  /** steps ahead that have a target, unit of the series; NaN where it was not observed */
  readonly targets: Float64Array;
  readonly forecast: SeriesForecast;
  /** the series up to the cutoff, which the first target follows */
  readonly past: Float64Array;
  /** steps in a season, 1 for none */
  readonly seasonLength: number;
}

/**
 * Loss of one forecast, the mean over its observed steps: what two configs are compared by, cutoff by cutoff. It depends
 * on this window alone, so it can be remembered and compared with losses that were found in another run.
 *
 *     rmse   (f − a)²                                 the mean of these is the square of the RMSE
 *     mae    |f − a|
 *     mape   100 · |(f − a) / a|                      steps whose actual is 0 are left out
 *     mase   |f − a| / naive scale of the past        scale as `naiveScale`, of the series up to this cutoff
 *     wql    mean over the levels of 2 · pinball      unit of the series; the search's WQL divides it by the mean |a|
 *
 * @returns null where no step can be scored; infinite where the forecast is not finite
 */
export function windowLoss(objective: Objective, window: ScoredWindow): number | null {
  const { targets, forecast, past, seasonLength } = window;
  const mean = meanLoss(Array.from(targets, (target, h) => stepLoss(objective, forecast, h, target)));
  if (mean === null) return null;
  if (!Number.isFinite(mean)) return Infinity;
  if (objective !== "mase") return mean;
  const scale = naiveScale(past, seasonLength);
  return scale > 0 ? mean / scale : null;
}

/**
 * 2 · pinball loss, averaged over the forecast's levels, of one step: an approximation of its continuous ranked
 * probability score. Divided by the mean |actual| it is the weighted quantile loss.
 *
 * Source: Gneiting & Ranjan, "Comparing density forecasts using threshold- and quantile-weighted scoring rules",
 * J. Business & Economic Statistics 29 (2011), eq. 12.
 */
export function quantileLoss({ levels, quantiles }: SeriesForecast, h: number, actual: number): number {
  const row = quantiles[h]!;
  let total = 0;
  for (let k = 0; k < levels.length; k += 1) {
    const above = actual - row[k]!;
    total += Math.max(levels[k]! * above, (levels[k]! - 1) * above);
  }
  return (2 * total) / levels.length;
}

/** Mean of the losses that can be told; null where none can. */
export function meanLoss(losses: readonly (number | null)[]): number | null {
  const known = losses.filter((loss): loss is number => loss !== null);
  return known.length === 0 ? null : known.reduce((sum, loss) => sum + loss, 0) / known.length;
}

function stepLoss(objective: Objective, forecast: SeriesForecast, h: number, actual: number): number | null {
  if (Number.isNaN(actual)) return null;
  const error = forecast.mean[h]! - actual;
  switch (objective) {
    case "rmse":
      return error ** 2;
    case "mae":
    case "mase":
      return Math.abs(error);
    case "mape":
      return actual === 0 ? null : 100 * Math.abs(error / actual);
    case "wql":
      return quantileLoss(forecast, h, actual);
  }
}
