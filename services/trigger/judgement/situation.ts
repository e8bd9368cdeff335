import { contains, type Interval, overlaps } from "../../../shared/contracts/incidents.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult, EvaluationInputs } from "../../../shared/contracts/trigger.ts";
import type { ErrorBucket, MonitorState, Point } from "../state.ts";

/** Everything an evaluation is made from. */
export interface Situation {
  readonly spec: ForecasterSpec;
  readonly monitor: MonitorState;
  /** Time the decision is made at: of the newest telemetry, or of the clock where a timer or a person asks. */
  readonly nowMs: number;
  readonly inputs: EvaluationInputs;
}

/** Pure. `earlier`: results of the detectors before it in `DETECTORS`. */
export type Detector = (situation: Situation, earlier: readonly DetectorResult[]) => DetectorResult;

/** Buckets without those that incidents or the life of a config that was rolled back reach into. */
export function usableBuckets({ monitor, inputs }: Situation, bucketMs: number): readonly ErrorBucket[] {
  const intervals = intervalsOf(inputs, "errors");
  if (intervals.length === 0) return monitor.buckets;
  return monitor.buckets.filter(({ start }) => !overlaps(intervals, start, start + bucketMs));
}

/** Points without those in incidents; of errors also without those of a config that was rolled back. */
export function usablePoints(
  points: readonly Point[],
  of: "errors" | "values",
  inputs: EvaluationInputs,
): readonly Point[] {
  const intervals = intervalsOf(inputs, of);
  return intervals.length === 0 ? points : points.filter(([at]) => !contains(intervals, at));
}

/** Differences from one observed value to the next, where neither lies in an incident. */
export function usableChanges(points: readonly Point[], inputs: EvaluationInputs): Point[] {
  const intervals = intervalsOf(inputs, "values");
  const isUsable = ([at]: Point) => !contains(intervals, at);
  return points.flatMap((point, i): Point[] => {
    const before = points[i - 1];
    if (before === undefined || !isUsable(before) || !isUsable(point)) return [];
    return [[point[0], point[1] - before[1], point[2]]];
  });
}

function intervalsOf({ left_out }: EvaluationInputs, of: "errors" | "values"): Interval[] {
  return left_out
    .filter((each) => of === "errors" || each.of === "series")
    .map(({ from, to }) => ({
      fromMs: Date.parse(from),
      toMs: to === null ? Number.POSITIVE_INFINITY : Date.parse(to),
    }));
}
