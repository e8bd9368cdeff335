import { SEVERITIES, type Severity } from "../contracts/spec-detectors.ts";

/**
 * How far apart two samples are: the highest severity whose bound D reaches, undefined below all of them. A small
 * p-value alone says only that there are many values; D says whether the difference matters.
 *
 * @param distance D in 0 … 1, see `ksTwoSample`
 * @param from     smallest D of each severity
 */
export function ksSeverity(distance: number, from: Readonly<Record<Severity, number>>): Severity | undefined {
  return SEVERITIES.findLast((severity) => distance >= from[severity]);
}

/** Whether a severity (undefined is below all) is at least another. */
export function isAtLeast(severity: Severity | undefined, least: Severity): boolean {
  return severity !== undefined && SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}
