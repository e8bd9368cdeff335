import { durationMs } from "../../shared/contracts/duration.ts";
import { type ForecasterSpec, holdoutSteps, horizonSteps, stepsIn } from "../../shared/contracts/spec.ts";
import { type DetectorName, DETECTORS as NAMES } from "../../shared/contracts/spec-detectors.ts";
import type { DetectorResult, Evaluated } from "../../shared/contracts/trigger.ts";
import { explain } from "../../shared/errors.ts";
import { adwin } from "./detectors/adwin.ts";
import { crossing } from "./detectors/crossing.ts";
import { drift } from "./detectors/drift.ts";
import { fleet } from "./detectors/fleet.ts";
import { meanShift } from "./detectors/mean-shift.ts";
import { modelAge } from "./detectors/model-age.ts";
import { pageHinkley } from "./detectors/page-hinkley.ts";
import { performance } from "./detectors/performance.ts";
import { psi } from "./detectors/psi.ts";
import { time } from "./detectors/time.ts";
import { unknownRate } from "./detectors/unknown-rate.ts";
import { wasserstein } from "./detectors/wasserstein.ts";
import { combine } from "./judgement/combine.ts";
import { controlled } from "./judgement/false-discovery.ts";
import { expectedGain, notWorthIt } from "./judgement/gain.ts";
import type { Detector, Situation } from "./judgement/situation.ts";
import { newestMs } from "./monitor/monitor.ts";
import type { MonitorState } from "./state.ts";

/** The shortest context any model looks at, in steps. */
const LEAST_CONTEXT = 8;

type Detectors = Readonly<Record<DetectorName, Detector>>;

export const DETECTORS: Detectors = {
  performance,
  drift,
  psi,
  wasserstein,
  mean_shift: meanShift,
  page_hinkley: pageHinkley,
  adwin,
  fleet,
  unknown_rate: unknownRate,
  model_age: modelAge,
  crossing,
  time,
};

export type Report = Pick<
  Evaluated,
  | "should_optimize"
  | "reasons"
  | "warnings"
  | "detectors"
  | "combination"
  | "confirmation"
  | "false_discovery"
  | "expected_gain"
  | "run_cost"
  | "trial"
> & { readonly cause: "trigger" | "first-deployment" };

export interface Failure {
  readonly detector: DetectorName;
  readonly error: unknown;
}

/**
 * Should this forecaster be optimized now? Every enabled detector is heard; their results are combined as the spec
 * says, have to be confirmed where it asks for that, and have to be worth a run. Without a live config the answer is
 * yes as soon as there is history enough for a search, whatever the detectors say.
 *
 * A detector that throws is skipped: its result cannot tell and carries the error, and `failures` has it for the
 * log (A-TRG-5). When every other one throws, `time` alone still decides.
 *
 * Replayable: the result depends on the arguments alone.
 */
export function evaluate(
  situation: Situation,
  detectors: Detectors = DETECTORS,
): { report: Report; failures: readonly Failure[] } {
  const { spec, inputs } = situation;
  const failures: Failure[] = [];
  const raw: DetectorResult[] = [];
  for (const detector of NAMES)
    if (spec.trigger[detector].enabled) raw.push(heard(detector, situation, raw, detectors, failures));
  const { results, outcome } = controlled(raw, spec);
  const false_discovery = outcome === undefined ? {} : { false_discovery: outcome };
  if (!inputs.live)
    return { report: { ...firstDeployment(situation, [...results]), ...false_discovery }, failures };
  return {
    report: { ...judged(situation, results), ...false_discovery, ...onTrial(raw, situation) },
    failures,
  };
}

/**
 * Observations a first search needs: the hold-out, the backtest, one forecast and the shortest context, and no fewer than
 * `search.min_samples`. Of a fleet those of an entity, whose share in `min_samples` nobody knows.
 */
export function neededHistory(spec: ForecasterSpec): number {
  const steps = holdoutSteps(spec) + stepsIn(spec.search.backtest, spec) + horizonSteps(spec) + LEAST_CONTEXT;
  return spec.entities === undefined ? Math.max(steps, spec.search.min_samples) : steps;
}

/**
 * Whether telemetry that has arrived calls for an evaluation: at most one per `evaluate_every` of event time, and
 * none for the time a timer has evaluated already.
 */
export function isDue(state: MonitorState, spec: ForecasterSpec): boolean {
  const newest = newestMs(state);
  const every = durationMs(spec.trigger.evaluate_every);
  if (newest === null) return false;
  if (state.timer_at !== null && Math.abs(newest - state.timer_at) < every) return false;
  return state.evaluated_at === null || newest - state.evaluated_at >= every;
}

/**
 * Whether the timer should evaluate because no telemetry did. It waits a quarter of `evaluate_every` longer than
 * telemetry has to, so that a late observation is not preceded by an evaluation without it.
 */
export function isOverdue(state: MonitorState, spec: ForecasterSpec, clockMs: number): boolean {
  const every = durationMs(spec.trigger.evaluate_every);
  return state.checked_at === null || clockMs - state.checked_at >= 1.25 * every;
}

/** A detector's result, with that of its settings on trial where it has some. */
function heard(
  detector: DetectorName,
  situation: Situation,
  earlier: readonly DetectorResult[],
  detectors: Detectors,
  failures: Failure[],
): DetectorResult {
  const result = run(detector, situation, earlier, detectors, failures);
  const settings = situation.spec.trigger[detector];
  if (settings.trial === undefined) return result;
  const trigger = { ...situation.spec.trigger, [detector]: { ...settings, ...settings.trial } };
  const { detector: _, ...trial } = run(
    detector,
    { ...situation, spec: { ...situation.spec, trigger } },
    earlier,
    detectors,
    failures,
  );
  return { ...result, trial };
}

function run(
  detector: DetectorName,
  situation: Situation,
  earlier: readonly DetectorResult[],
  detectors: Detectors,
  failures: Failure[],
): DetectorResult {
  try {
    return detectors[detector](situation, earlier);
  } catch (error) {
    failures.push({ detector, error });
    const reason = `failed: ${explain(error)}`;
    return { detector, fired: null, reason, statistic: null, threshold: null, figures: {}, thresholds: {} };
  }
}

function judged({ spec: { trigger }, inputs }: Situation, results: readonly DetectorResult[]): Report {
  const combination = combine(results, trigger.combine);
  const yes = combination.verdict === true;
  const count = !yes ? 0 : inputs.confirms ? inputs.streak + 1 : Math.max(1, inputs.streak);
  const expected_gain = expectedGain(results, trigger);
  const seconds = trigger.cost.run_seconds ?? inputs.run_seconds;
  const held = [
    ...(count < trigger.confirm ? [`confirmation: ${count} of ${trigger.confirm} evaluations in a row`] : []),
    ...[notWorthIt(expected_gain, seconds, trigger.cost)].flatMap((why) =>
      why === undefined ? [] : [`cost: ${why}`],
    ),
  ];
  const fired = results.filter((result) => result.fired === true);
  const told = (fired.length > 0 ? fired : results).map(({ detector, reason }) => `${detector}: ${reason}`);
  const missing = fired.length > 0 && !yes ? [`combination: it takes ${combination.rule}`] : [];
  const warnings = results.flatMap(({ detector, warns, reason }) =>
    warns ? [`${detector}: ${reason}`] : [],
  );
  return {
    cause: "trigger",
    should_optimize: yes && held.length === 0,
    reasons: [...missing, ...(yes ? held : []), ...told],
    ...(warnings.length === 0 ? {} : { warnings }),
    detectors: [...results],
    combination,
    confirmation: { count, needed: trigger.confirm },
    expected_gain,
    run_cost: { seconds },
  };
}

/** What would have been said with all settings on trial in force. */
function onTrial(raw: readonly DetectorResult[], { spec }: Situation): Pick<Report, "trial"> {
  if (raw.every(({ trial }) => trial === undefined)) return {};
  const tried = raw.map(({ trial, ...result }) => ({ ...result, ...trial }));
  const { results } = controlled(tried, spec);
  const fired = results.flatMap(({ detector, fired }) => (fired ? [detector] : []));
  return { trial: { fired, verdict: combine(results, spec.trigger.combine).verdict } };
}

function firstDeployment({ spec, inputs: { history } }: Situation, detectors: DetectorResult[]): Report {
  const needed = neededHistory(spec);
  const ready = history >= needed;
  const reason = ready
    ? `first deployment: no live config yet, and ${history} observations are there`
    : `no live config yet; waiting for history: ${history} of ${needed} observations`;
  return { cause: "first-deployment", should_optimize: ready, reasons: [reason], detectors };
}
