import { type Duration, durationMs } from "../../../shared/contracts/duration.ts";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import type { Metric } from "../../../shared/contracts/spec-detectors.ts";
import { PANEL_SIZE } from "./panel.ts";

const DAY_MS = 86_400_000;
/** Bounds of what is kept for one forecaster, whatever the rate of its telemetry. */
const MAX_BUCKETS = 2_000;
const MAX_POINTS = 1_000;
const MAX_WATCHED_POINTS = 4_000;
const MAX_PANEL_POINTS = 4_000;

/** How telemetry is summed and thinned: follows from the spec alone. */
export interface Layout {
  /** ms of one bucket of scores */
  readonly bucketMs: number;
  /** how far back buckets are kept, ms */
  readonly bucketSpanMs: number;
  /** of two points in one such stretch of time only the first is kept, ms */
  readonly pointMs: number;
  /** the same for values of `also_watch` */
  readonly watchedMs: number;
  /** the same for entities of a fleet that are looked at one by one */
  readonly panelMs: number;
  readonly pointSpanMs: number;
  /** measures that are summed beside squared errors */
  readonly tallies: readonly Metric[];
  /** the first `recent` of a deployment is kept while that is live, ms; 0 where nobody looks at it */
  readonly keepMs: number;
  /** changes with what is above */
  readonly key: string;
  /** changes with the values that are looked at */
  readonly source: string;
}

const known = new WeakMap<ForecasterSpec, Layout>();

/** The layout of a spec; made once for each spec object. */
export function layoutOf(spec: ForecasterSpec): Layout {
  const found = known.get(spec) ?? compute(spec);
  known.set(spec, found);
  return found;
}

/**
 * Width of the buckets scores are summed in: a fourteenth of the recent window, a day at most (14 days make daily
 * ones), wide enough that the baseline takes 2,000 at most.
 */
export function bucketMs({ trigger: { performance } }: Pick<ForecasterSpec, "trigger">): number {
  const width = Math.max(durationMs(performance.recent) / 14, durationMs(performance.baseline) / MAX_BUCKETS);
  return Math.max(1, Math.min(DAY_MS, width));
}

function compute(spec: ForecasterSpec): Layout {
  const { performance } = spec.trigger;
  const settings = [
    performance,
    ...(performance.trial === undefined ? [] : [{ ...performance, ...performance.trial }]),
  ];
  const longest = (durations: readonly Duration[]) => Math.max(...durations.map(durationMs));
  const pointSpanMs = pointSpan(spec);
  const watched = spec.trigger.also_watch.length;
  const layout = {
    bucketMs: bucketMs(spec),
    bucketSpanMs: longest(settings.flatMap(({ baseline, recent }) => [baseline, recent])),
    pointMs: spacing(spec, pointSpanMs / MAX_POINTS),
    watchedMs: spacing(spec, pointSpanMs / Math.min(MAX_POINTS, MAX_WATCHED_POINTS / Math.max(1, watched))),
    panelMs: spacing(spec, pointSpanMs / (MAX_PANEL_POINTS / (2 * PANEL_SIZE))),
    pointSpanMs,
    tallies: [...new Set(settings.map(({ metric }) => (metric === "mase" ? "mae" : metric)))].filter(
      (metric) => metric !== "rmse",
    ),
    keepMs: settings.some(({ against }) => against === "deployment")
      ? longest(settings.map(({ recent }) => recent))
      : 0,
  };
  const { series, metric, entity, entities, bounds } = spec;
  const member = entities ?? entity ?? null;
  return {
    ...layout,
    key: JSON.stringify(layout),
    source: JSON.stringify([series, metric, member, bounds, spec.trigger.also_watch]),
  };
}

/** How far back the detectors on samples look, ms: at least as far as drift does. */
function pointSpan({ trigger }: ForecasterSpec): number {
  const samples = [trigger.drift, trigger.psi, trigger.wasserstein, trigger.mean_shift].flatMap((each) => [
    each,
    { ...each, ...each.trial },
  ]);
  const streams = [trigger.page_hinkley, trigger.adwin].flatMap((each) => [each, { ...each, ...each.trial }]);
  return Math.max(
    durationMs(trigger.drift.recent) + durationMs(trigger.drift.reference),
    ...samples
      .filter(({ enabled }) => enabled)
      .map(({ recent, reference }) => durationMs(recent) + durationMs(reference)),
    ...streams.filter(({ enabled }) => enabled).map(({ window }) => durationMs(window)),
  );
}

/**
 * Points closer than this are thinned. Whole steps, a divisor of the season where there is one, so that points stay
 * evenly spaced and every season is looked at in the same phases; within a step, an even part of it.
 */
function spacing(spec: ForecasterSpec, leastMs: number): number {
  const stepMs = durationMs(spec.step);
  if (leastMs <= stepMs) return stepMs / Math.max(1, Math.floor(stepMs / leastMs));
  const steps = Math.ceil(leastMs / stepMs);
  const season = typeof spec.season_length === "number" ? spec.season_length : 1;
  for (let divisor = steps; divisor <= season / 2; divisor += 1)
    if (season % divisor === 0) return divisor * stepMs;
  return steps * stepMs;
}
