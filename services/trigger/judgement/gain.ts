import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import { METRICS } from "../../../shared/contracts/spec-detectors.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { percent } from "../detectors/result.ts";

const HOUR_S = 3_600;

/**
 * The share of its figure that a forecaster would win back if a run undid the degradation entirely: with degradation d,
 * d / (1 + d) of the error where smaller is better, d of the measure where larger is better, 0 where it has become
 * better. An upper bound: what a run really wins back is known only after it.
 *
 * @returns null where performance is not looked at or cannot tell
 */
export function expectedGain(
  results: readonly Pick<DetectorResult, "detector" | "statistic">[],
  { performance }: Pick<TriggerSpec, "performance">,
): number | null {
  const degradation = results.find(({ detector }) => detector === "performance")?.statistic ?? null;
  if (degradation === null) return null;
  const lost = Math.max(0, degradation);
  return METRICS[performance.metric] === "smaller" ? lost / (1 + lost) : Math.min(1, lost);
}

/** Why a run is not worth it; undefined where it is, or where nobody knows. */
export function notWorthIt(
  gain: number | null,
  runSeconds: number | null,
  { min_gain, min_gain_per_hour }: TriggerSpec["cost"],
): string | undefined {
  if (gain === null) return undefined;
  if (gain < min_gain) return `a gain of ${percent(gain)} is expected, ${percent(min_gain)} is the least`;
  if (runSeconds === null || !(runSeconds > 0)) return undefined;
  const perHour = gain / (runSeconds / HOUR_S);
  if (perHour >= min_gain_per_hour) return undefined;
  return `a gain of ${percent(perHour)} for each hour of a run is expected, ${percent(min_gain_per_hour)} is the least`;
}
