import { durationMs } from "../../../shared/contracts/duration.ts";
import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { learnSeasonalProfile, withoutSeason } from "../../../shared/statistics/seasonal-profile.ts";
import { type Situation, usableChanges, usablePoints } from "../judgement/situation.ts";
import { calendarMs, seasonOf } from "../monitor/calendar.ts";
import { layoutOf } from "../monitor/layout.ts";
import { watchedName } from "../monitor/monitor.ts";
import type { Point } from "../state.ts";
import { ownPoints } from "./own-points.ts";

type Windows = Pick<TriggerSpec["drift"], "on" | "recent" | "reference" | "seasonal" | "min_points">;

export const SAMPLE_TITLES = {
  absolute_errors: "sizes of one-step errors",
  errors: "one-step errors",
  values: "observed values",
  changes: "changes of the observed values",
} as const;

/** Values of a recent window and of the time before it, each in order of time. */
export interface SamplePair {
  /** `errors`, or the metric of the series, and the entity */
  readonly name: string;
  readonly recent: readonly number[];
  readonly reference: readonly number[];
  /** The newest point there is, in or out of an incident. */
  readonly newestMs: number | null;
  /** Why the samples cannot be compared; undefined where they can. */
  readonly problem?: string;
}

/**
 * The samples that a detector compares: errors of the forecaster, or values (or their first differences) of its own
 * metric and of all that the spec watches besides; those of a fleet for each entity of its panel. Windows end at the newest point. Where the spec says so, the season
 * that the reference shows is taken out of both.
 */
export function samplePairs(situation: Situation, windows: Windows): SamplePair[] {
  const { spec, monitor, inputs } = situation;
  if (windows.on === "errors")
    return ownPoints(situation, "errors").map(({ name, points, spacingMs }) =>
      pairOf(name, points, usablePoints(points, "errors", inputs), spacingMs, situation, windows),
    );
  const { watchedMs } = layoutOf(spec);
  const sources = [
    ...ownPoints(situation, "values"),
    ...spec.trigger.also_watch.map((each) => {
      const name = watchedName(each);
      return { name, points: monitor.watched[name] ?? [], spacingMs: watchedMs };
    }),
  ];
  return sources.map(({ name, points, spacingMs }) => {
    const seen =
      windows.on === "changes" ? usableChanges(points, inputs) : usablePoints(points, "values", inputs);
    return pairOf(name, points, seen, spacingMs, situation, windows);
  });
}

/** The pair with the largest statistic leads a result; of those that cannot tell the first. */
export function leading<T extends { readonly statistic: number | null }>(results: readonly T[]): T {
  return results.reduce((best, each) =>
    (each.statistic ?? Number.NEGATIVE_INFINITY) > (best.statistic ?? Number.NEGATIVE_INFINITY) ? each : best,
  );
}

/** What every comparison of two samples reports. */
export function counts({ name, recent, reference, newestMs }: SamplePair): DetectorResult["figures"] {
  return {
    sample: name,
    points_recent: recent.length,
    points_reference: reference.length,
    newest_point: newestMs === null ? null : new Date(newestMs).toISOString(),
  };
}

/** "one-step errors of the last 14d against the 60d before". */
export function compared({ name }: SamplePair, { on, recent, reference }: Windows): string {
  const what = name === on ? SAMPLE_TITLES[on] : `${SAMPLE_TITLES[on]} (${name})`;
  return `${what} of the last ${recent} against the ${reference} before`;
}

function pairOf(
  name: string,
  all: readonly Point[],
  points: readonly Point[],
  spacingMs: number,
  { spec }: Situation,
  windows: Windows,
): SamplePair {
  const newestMs = all.at(-1)?.[0] ?? null;
  const border = (newestMs ?? 0) - durationMs(windows.recent);
  const from = border - durationMs(windows.reference);
  const recent = points.filter(([at]) => at > border);
  const reference = points.filter(([at]) => at > from && at <= border);
  const pair = { name, recent: recent.map(value), reference: reference.map(value), newestMs };
  const { min_points, on } = windows;
  if (recent.length < min_points || reference.length < min_points) {
    const problem =
      `${recent.length} ${SAMPLE_TITLES[on]} in the last ${windows.recent} and ${reference.length} in the ` +
      `${windows.reference} before, ${min_points} are needed in each`;
    return { ...pair, problem };
  }
  if (!windows.seasonal) return pair;
  const season = seasonOf(pair.reference, spacingMs, spec);
  if (season === undefined) return pair;
  const times = (of: readonly Point[]) => of.map(([at]) => calendarMs(at, spec));
  const profile = learnSeasonalProfile(times(reference), pair.reference, season);
  if (profile === null)
    return { ...pair, problem: `the ${windows.reference} before hold no three seasons to take out` };
  return {
    ...pair,
    recent: Array.from(withoutSeason(times(recent), pair.recent, profile)),
    reference: Array.from(withoutSeason(times(reference), pair.reference, profile)),
  };
}

function value([, each]: Point): number {
  return each;
}
