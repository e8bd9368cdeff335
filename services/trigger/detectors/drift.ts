import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import { SEVERITIES } from "../../../shared/contracts/spec-detectors.ts";
import type { DetectorResult, DetectorTest } from "../../../shared/contracts/trigger.ts";
import { isAtLeast, ksSeverity } from "../../../shared/statistics/ks-severity.ts";
import { ksTwoSample } from "../../../shared/statistics/ks-two-sample.ts";
import type { Situation } from "../judgement/situation.ts";
import { insufficient, percent } from "./result.ts";
import { compared, counts, leading, type SamplePair, samplePairs } from "./samples.ts";

/** The statistic of a p-value of 0, which a double cannot tell from 10^-300. */
const LARGEST = 300;

/**
 * Has the law changed? (A-TRG-2) Two-sample Kolmogorov–Smirnov test between the recent window and the time before
 * it, both ending at the newest point. It fires when
 *
 *     p < p_value   and   severity of D >= min_severity
 *
 * for one of its samples. The p-value is computed with effective sample sizes, since the plain test cries wolf on
 * autocorrelated values (see `ksTwoSample`). The severity gate asks whether the change matters: with many values any
 * change has a small p.
 *
 * Its statistic is −log10 p, which is compared with −log10 p_value, and 0 while the severity is not reached.
 *
 * Cannot tell with fewer than `min_points` values in either window.
 */
export function drift(situation: Situation): DetectorResult {
  const params = situation.spec.trigger.drift;
  return leadingOf(samplePairs(situation, params).map((pair) => tested(pair, params)));
}

function tested(pair: SamplePair, params: TriggerSpec["drift"]): DetectorResult {
  const { on, p_value, min_severity, min_points, seasonal } = params;
  const base = {
    detector: "drift",
    threshold: -Math.log10(p_value),
    figures: { ...counts(pair), distance: null, p_value: null },
    thresholds: {
      ...{ on, p_value, min_severity, min_points, seasonal },
      ...{ recent: params.recent, reference: params.reference },
    },
  } as const;
  if (pair.problem !== undefined) return insufficient(base, pair.problem);
  const test = ksTwoSample(pair.recent, pair.reference, { effectiveSize: true });
  const severity = ksSeverity(test.distance, params.severity_at);
  const severe = isAtLeast(severity, min_severity);
  const fired = test.pValue < p_value && severe;
  const figures = {
    ...base.figures,
    distance: test.distance,
    p_value: test.pValue,
    method: test.method,
    effective_recent: test.sampleSize,
    effective_reference: test.referenceSize,
    autocorrelation_time: test.autocorrelationTime,
  };
  const reason =
    `${compared(pair, params)}: D = ${test.distance.toFixed(3)} ` +
    `(${severity ?? "no"} severity), p = ${test.pValue.toPrecision(3)}; ` +
    `it fires at p < ${p_value} and ${min_severity} severity or more`;
  const statistic = severe ? Math.min(LARGEST, -Math.log10(test.pValue)) : 0;
  const one: DetectorTest = {
    sample: pair.name,
    p_value: test.pValue,
    ...(severity === undefined ? {} : { severity }),
    severe,
    fired,
  };
  const told = severity === undefined ? {} : { severity };
  return { ...base, figures, statistic, fired, ...told, reason, tests: [one] };
}

/** One result for all samples: that of the sample which speaks loudest, with the tests of all. */
function leadingOf(results: readonly DetectorResult[]): DetectorResult {
  return { ...leading(results), tests: results.flatMap(({ tests = [] }) => tests) };
}

/**
 * A result under false-discovery control: its tests fire by their adjusted p-values instead of `p_value`.
 *
 * @param adjusted one for each of its tests
 */
export function withDiscoveries(
  result: DetectorResult,
  adjusted: readonly number[],
  rate: number,
): DetectorResult {
  if (result.tests === undefined || result.fired === null) return result;
  const tests = result.tests.map((test, i) => {
    const p = adjusted[i]!;
    return { ...test, adjusted: p, fired: p <= rate && test.severe };
  });
  const found = tests.filter((test) => test.fired);
  const which = found.length === 0 ? "none is one" : found.map(({ sample }) => sample).join(", ");
  const worst = SEVERITIES.findLast((severity) => found.some((test) => test.severity === severity));
  const reason = `${result.reason}; with false discoveries held to ${percent(rate)}: ${which}`;
  return {
    ...result,
    ...(worst === undefined ? {} : { severity: worst }),
    tests,
    fired: found.length > 0,
    reason,
  };
}
