import { durationMs } from "../../../shared/contracts/duration.ts";
import type { TriggerSpec } from "../../../shared/contracts/spec.ts";
import { moments } from "../../../shared/statistics/sample.ts";
import { type Situation, usableChanges, usablePoints } from "../judgement/situation.ts";

/** Values that a streaming detector goes through, in order of time, in their own standard deviations. */
export interface Stretch {
  readonly values: readonly number[];
  readonly std: number;
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/**
 * The kept points of a stream since the last completed search, but not from further back than the window: a search
 * answers what was noticed before it. Each value counts in standard deviations of the whole stretch; a constant one
 * has only zeros.
 *
 * Streaming detectors go through these points at each evaluation, instead of keeping sums of their own: an incident
 * that is told late is left out of what came before, too, and late or repeated messages leave no trace.
 */
export function stretchOf(
  { monitor, inputs }: Situation,
  { on, window }: Pick<TriggerSpec["page_hinkley"], "on" | "window">,
): Stretch {
  const ofErrors = on === "errors" || on === "absolute_errors";
  const all = ofErrors ? monitor.errors : monitor.values;
  const newest = all.at(-1)?.[0];
  if (newest === undefined) return { values: [], std: 0, fromMs: null, toMs: null };
  const searched =
    inputs.last_optimized_at === null ? Number.NEGATIVE_INFINITY : Date.parse(inputs.last_optimized_at);
  const from = Math.max(newest - durationMs(window), searched);
  const usable =
    on === "changes" ? usableChanges(all, inputs) : usablePoints(all, ofErrors ? "errors" : "values", inputs);
  const points = usable.filter(([at]) => at > from);
  const raw = points.map(([, value]) => (on === "absolute_errors" ? Math.abs(value) : value));
  const { mean, std } = raw.length === 0 ? { mean: 0, std: 0 } : moments(raw);
  return {
    values: raw.map((value) => (std > 0 ? (value - mean) / std : 0)),
    std,
    fromMs: points[0]?.[0] ?? null,
    toMs: newest,
  };
}

/** What every streaming detector reports. */
export function stretchFigures({ values, std, fromMs, toMs }: Stretch) {
  return {
    points: values.length,
    std,
    from: fromMs === null ? null : new Date(fromMs).toISOString(),
    newest_point: toMs === null ? null : new Date(toMs).toISOString(),
  };
}
