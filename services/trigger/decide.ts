import { durationMs } from "../../shared/contracts/duration.ts";
import { type ForecasterSpec, horizonSteps, stepsIn } from "../../shared/contracts/spec.ts";
import type { DetectorResult, Evaluated } from "../../shared/contracts/trigger.ts";
import { explain } from "../../shared/errors.ts";
import { drift } from "./detectors/drift.ts";
import { performance } from "./detectors/performance.ts";
import { time } from "./detectors/time.ts";
import { bucketMs, newestMs } from "./monitor.ts";
import type { MonitorState } from "./state.ts";

/** The shortest context any model looks at, in steps. */
const LEAST_CONTEXT = 8;

export interface Situation {
  readonly spec: ForecasterSpec;
  readonly monitor: MonitorState;
  /** Time the decision is made at: of the newest telemetry, or of the clock where a timer asks. */
  readonly nowMs: number;
  readonly lastOptimizedMs: number | null;
  /** False until the forecaster was deployed for the first time. */
  readonly live: boolean;
  /** Observations a search could use, as far as known. Matters until there is a live config. */
  readonly history: number;
}

export type Detector = (situation: Situation) => DetectorResult;

export const DETECTORS: Readonly<Record<DetectorResult["detector"], Detector>> = {
  performance: ({ spec, monitor }) =>
    performance(monitor.buckets, bucketMs(spec), monitor.newest_score, spec.trigger.performance),
  drift: ({ spec, monitor }) => drift(monitor, spec.trigger.drift),
  time: ({ spec, lastOptimizedMs, nowMs }) => time(lastOptimizedMs, nowMs, spec.trigger.time),
};

export interface Report extends Pick<Evaluated, "should_optimize" | "reasons" | "detectors"> {
  readonly cause: "trigger" | "first-deployment";
}

/**
 * Should this forecaster be optimized now? Every enabled detector is heard; one that fires is enough. Without a live
 * config the answer is yes as soon as there is history enough for a search, whatever the detectors say.
 *
 * A detector that throws is skipped: its result cannot tell and carries the error, and `failures` has it for the
 * log (A-TRG-5). When every other one throws, `time` alone still decides.
 *
 * Replayable: the result depends on the arguments alone.
 */
export function evaluate(
  situation: Situation,
  detectors: Readonly<Record<DetectorResult["detector"], Detector>> = DETECTORS,
): { report: Report; failures: { detector: string; error: unknown }[] } {
  const failures: { detector: string; error: unknown }[] = [];
  const names = (["performance", "drift", "time"] as const).filter(
    (name) => situation.spec.trigger[name].enabled,
  );
  const results = names.map((name): DetectorResult => {
    try {
      return detectors[name](situation);
    } catch (error) {
      failures.push({ detector: name, error });
      return {
        detector: name,
        fired: null,
        reason: `failed: ${explain(error)}`,
        figures: {},
        thresholds: {},
      };
    }
  });
  return { report: situation.live ? fromDetectors(results) : firstDeployment(situation, results), failures };
}

/** Observations a first search needs: the backtest, one forecast and the shortest context. */
export function neededHistory(spec: ForecasterSpec): number {
  return stepsIn(spec.search.backtest, spec) + horizonSteps(spec) + LEAST_CONTEXT;
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

function fromDetectors(results: readonly DetectorResult[]): Report {
  const fired = results.filter((result) => result.fired === true);
  const told = fired.length > 0 ? fired : results;
  const reasons = told.map(({ detector, reason }) => `${detector}: ${reason}`);
  return { cause: "trigger", should_optimize: fired.length > 0, reasons, detectors: [...results] };
}

function firstDeployment({ spec, history }: Situation, results: DetectorResult[]): Report {
  const needed = neededHistory(spec);
  const ready = history >= needed;
  const reason = ready
    ? `first deployment: no live config yet, and ${history} observations are there`
    : `no live config yet; waiting for history: ${history} of ${needed} observations`;
  return { cause: "first-deployment", should_optimize: ready, reasons: [reason], detectors: results };
}
