import { durationMs } from "../../../shared/contracts/duration.ts";
import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import { moments } from "../../../shared/statistics/sample.ts";
import { type Situation, usableChanges, usablePoints } from "../judgement/situation.ts";
import type { Point } from "../state.ts";
import { ownPoints } from "./own-points.ts";

/** Values that a streaming detector goes through, in order of time, in their own standard deviations. */
export interface Stretch {
  /** `errors`, or the metric of the series, and the entity */
  readonly name: string;
  readonly values: readonly number[];
  readonly std: number;
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/**
 * The streams of a forecaster: one, or with `entities: all` one for each entity of the panel.
 *
 * The kept points of a stream since the last completed search, but not from further back than the window: a search
 * answers what was noticed before it. Each value counts in standard deviations of the whole stretch; a constant one
 * has only zeros.
 *
 * Streaming detectors go through these points at each evaluation, instead of keeping sums of their own: an incident
 * that is told late is left out of what came before, too, and late or repeated messages leave no trace.
 */
export function stretchesOf(
  situation: Situation,
  settings: Pick<TriggerSpec["page_hinkley"], "on" | "window">,
): Stretch[] {
  const { on } = settings;
  const of = on === "errors" || on === "absolute_errors" ? "errors" : "values";
  return ownPoints(situation, of).map(({ name, points }) => stretchOf(name, points, of, situation, settings));
}

function stretchOf(
  name: string,
  all: readonly Point[],
  of: "errors" | "values",
  { inputs }: Situation,
  { on, window }: Pick<TriggerSpec["page_hinkley"], "on" | "window">,
): Stretch {
  const newest = all.at(-1)?.[0];
  if (newest === undefined) return { name, values: [], std: 0, fromMs: null, toMs: null };
  const searched =
    inputs.last_optimized_at === null ? Number.NEGATIVE_INFINITY : Date.parse(inputs.last_optimized_at);
  const from = Math.max(newest - durationMs(window), searched);
  const usable = on === "changes" ? usableChanges(all, inputs) : usablePoints(all, of, inputs);
  const points = usable.filter(([at]) => at > from);
  const raw = points.map(([, value]) => (on === "absolute_errors" ? Math.abs(value) : value));
  const { mean, std } = raw.length === 0 ? { mean: 0, std: 0 } : moments(raw);
  return {
    name,
    values: raw.map((value) => (std > 0 ? (value - mean) / std : 0)),
    std,
    fromMs: points[0]?.[0] ?? null,
    toMs: newest,
  };
}

/** What every streaming detector reports. */
export function stretchFigures({ name, values, std, fromMs, toMs }: Stretch) {
  return {
    ...(name.includes(" of ") ? { sample: name } : {}),
    points: values.length,
    std,
    from: fromMs === null ? null : new Date(fromMs).toISOString(),
    newest_point: toMs === null ? null : new Date(toMs).toISOString(),
  };
}
