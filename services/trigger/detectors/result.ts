import type { DetectorName, Severity } from "../../../shared/contracts/spec-detectors.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";

/** What a detector's result has whatever the verdict: its name, its settings, and figures so far. */
export interface Base {
  readonly detector: DetectorName;
  readonly threshold: number | null;
  readonly thresholds: DetectorResult["thresholds"];
  readonly figures: DetectorResult["figures"];
}

/** The verdict of a detector that has too little to tell by. `why` says what there is and what is needed. */
export function insufficient(base: Base, why: string): DetectorResult {
  return { ...base, statistic: null, fired: null, reason: `insufficient: ${why}` };
}

/** Fires where the statistic reaches the threshold. */
export function verdict(
  base: Base & { readonly threshold: number },
  statistic: number,
  severity: Severity,
  reason: string,
): DetectorResult {
  const fired = statistic >= base.threshold;
  return { ...base, statistic, fired, ...(fired ? { severity } : {}), reason };
}

/** Medium, and high from twice the threshold. */
export function severityOf(statistic: number, threshold: number): Severity {
  return statistic >= 2 * threshold ? "high" : "medium";
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
