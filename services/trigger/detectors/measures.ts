import { durationMs } from "../../../shared/contracts/duration.ts";
import type { Metric } from "../../../shared/contracts/spec-detectors.ts";
import { type Situation, usablePoints } from "../judgement/situation.ts";
import { calendarMs } from "../monitor/calendar.ts";
import { pooled } from "../monitor/tallies.ts";
import type { ErrorBucket } from "../state.ts";
import { ownPoints } from "./own-points.ts";

export const METRIC_TITLES: Readonly<Record<Metric, string>> = {
  rmse: "RMSE",
  mae: "MAE",
  mape: "MAPE",
  mase: "MASE",
  pinball: "pinball loss",
  coverage: "coverage",
  accuracy: "accuracy",
  precision: "precision",
  sharpe: "Sharpe ratio",
};

/** A measure over some buckets. `value` is null where it is not defined; n counts the scores that have it. */
export interface Measured {
  readonly n: number;
  readonly value: number | null;
}

/**
 * A measure of the scores in some buckets.
 *
 *     rmse       √(Σ e² / n)                          accuracy    share with sign(mean) = sign(actual)
 *     mae, mape  Σ |e| / n, Σ |100 e / actual| / n    precision   of those with mean > 0, share with actual > 0
 *     mase       MAE / mean |x_t − x_t−m|             sharpe      mean / std of sign(mean) · actual, per step
 *     pinball    Σ loss / n                           coverage    share of actuals within the interval
 *
 * MASE divides by the error of the seasonal naive forecast on the observations of the same stretch of time, m being
 * the spec's season (1 without one): a time that was hard for everybody is no degradation.
 *
 * @param fromMs, toMs the stretch the buckets cover, exclusive and inclusive
 *
 * Sources: Hyndman & Koehler, "Another look at measures of forecast accuracy", Int. J. Forecasting 22 (2006); Sharpe,
 * "Mutual fund performance", J. Business 39 (1966), without a risk-free rate and not annualised.
 */
export function measured(
  metric: Metric,
  buckets: readonly ErrorBucket[],
  situation: Situation,
  fromMs: number,
  toMs: number,
): Measured {
  const { n, total, squares } = pooled(buckets, metric);
  if (n === 0) return { n, value: null };
  const mean = total / n;
  switch (metric) {
    case "rmse":
      return { n, value: Math.sqrt(mean) };
    case "mase": {
      const scale = naiveScale(situation, fromMs, toMs);
      return { n, value: scale > 0 ? mean / scale : null };
    }
    case "sharpe": {
      const std = Math.sqrt(Math.max(0, squares / n - mean ** 2));
      return { n, value: std > 1e-12 * Math.abs(mean) ? mean / std : null };
    }
    default:
      return { n, value: mean };
  }
}

/**
 * Mean |x_t − x_t−m| of kept observations whose time lies in the stretch, of a fleet over the entities of its panel;
 * NaN where no pair is kept.
 */
function naiveScale(situation: Situation, fromMs: number, toMs: number): number {
  const { spec, inputs } = situation;
  const stepMs = durationMs(spec.step);
  const season = typeof spec.season_length === "number" ? spec.season_length : 1;
  let sum = 0;
  let pairs = 0;
  for (const { points } of ownPoints(situation, "values")) {
    const byStep = new Map<number, number>();
    for (const [at, value] of usablePoints(points, "values", inputs)) {
      const step = Math.floor(calendarMs(at, spec) / stepMs);
      byStep.set(step, value);
      const before = byStep.get(step - season);
      if (before === undefined || at <= fromMs || at > toMs) continue;
      sum += Math.abs(value - before);
      pairs += 1;
    }
  }
  return sum / pairs;
}
