import type { TrainingSeries } from "../family.ts";
import type { StepGrid } from "../quantile-forecast.ts";
import { randomKey, uniformAt } from "../random.ts";
import { timesUpTo } from "../tabular/calendar.ts";
import {
  type Cutoff,
  describeCutoff,
  type FeaturePlan,
  featureNames,
  writeRow,
} from "../tabular/series-features.ts";
import type { Table } from "../tabular/table.ts";
import { REFERENCES, type Reference, referenceOf } from "./scaled-target.ts";

/** A row is a cutoff and a step ahead of it, what is known at the cutoff, and what came. Ordered by time of the target. */
export interface TrainingRows {
  /** numeric features */
  readonly table: Table;
  /** [rows]; "" where the series has no entity */
  readonly entities: readonly string[];
  /** [rows], from 1 */
  readonly steps: Int32Array;
  /** [rows]: (target − reference) / scale, for each reference */
  readonly errors: Readonly<Record<Reference, Float64Array>>;
  /** [rows], ms since the epoch */
  readonly targetTimes: Float64Array;
  readonly cutoffTimes: Float64Array;
}

export interface RowsRequest {
  readonly series: readonly TrainingSeries[];
  readonly grid: StepGrid;
  readonly plan: FeaturePlan;
  /** steps */
  readonly horizon: number;
  /** steps of the past that a row may see at most */
  readonly contextLength: number;
  /** about as many rows at most, drawn at random; more where a series would have fewer than 50 */
  readonly maxRows: number;
  /** targets before this time are left out */
  readonly fromMs: number;
  readonly seed: number;
}

/** Observed values that a cutoff must have behind it, as a context of a forecast must. */
const MIN_PAST = 4;

/** Rows drawn of a series, if it has as many, however many others there are: an entity must become known. */
const MIN_DRAWN = 50;

interface Row {
  readonly series: number;
  readonly cutoff: Cutoff;
  readonly step: number;
  readonly target: number;
  readonly targetMs: number;
  readonly cutoffMs: number;
}

/** Rows of all series; none where no target has enough of a past. Which are drawn depends on the seed alone. */
export function trainingRows(request: RowsRequest): TrainingRows {
  const { plan, series } = request;
  const rows = drawRows(request).sort(
    (a, b) => a.targetMs - b.targetMs || a.series - b.series || a.step - b.step,
  );
  const names = featureNames(plan);
  const columns = names.map(() => new Float32Array(rows.length));
  const scratch = new Float32Array(names.length);
  rows.forEach(({ cutoff, step, targetMs }, i) => {
    writeRow(cutoff, plan, step, targetMs, scratch);
    for (let f = 0; f < names.length; f += 1) columns[f]![i] = scratch[f]!;
  });
  const errorsFrom = (reference: Reference) =>
    Float64Array.from(rows, ({ cutoff, step, target }) => {
      return (target - referenceOf(reference, cutoff, plan.seasonLength, step)) / cutoff.scale;
    });
  return {
    table: { names, columns, rows: rows.length },
    entities: rows.map((row) => series[row.series]!.entity ?? ""),
    steps: Int32Array.from(rows, ({ step }) => step),
    errors: Object.fromEntries(REFERENCES.map((each) => [each, errorsFrom(each)])) as TrainingRows["errors"],
    targetTimes: Float64Array.from(rows, ({ targetMs }) => targetMs),
    cutoffTimes: Float64Array.from(rows, ({ cutoffMs }) => cutoffMs),
  };
}

function drawRows(request: RowsRequest): Row[] {
  const { series, maxRows, seed } = request;
  const candidates = series.map((each) => candidatesOf(request, each));
  const total = candidates.reduce((sum, { pairs }) => sum + pairs, 0);
  return candidates.flatMap((each, s) => {
    const share = Math.max(maxRows / total, MIN_DRAWN / each.pairs);
    return rowsOfSeries(request, s, each, drawn(each.pairs, share, randomKey(seed, s)));
  });
}

/** The pairs of a cutoff and a step ahead that a series has, in order of the cutoff, then of the step. */
interface Candidates {
  readonly values: Float32Array;
  /** of each value, ms since the epoch */
  readonly times: Float64Array;
  readonly firstCutoff: number;
  readonly pairs: number;
}

function candidatesOf(
  { grid, horizon, fromMs }: RowsRequest,
  { values: given, endMs }: TrainingSeries,
): Candidates {
  const values = Float32Array.from(given);
  const times = timesUpTo(endMs, values.length, grid);
  const firstTarget = times.findIndex((time) => time >= fromMs);
  const enough = indexOfObserved(values, MIN_PAST);
  const firstCutoff = Math.max(enough, firstTarget - horizon);
  const possible = enough >= 0 && firstTarget >= 0;
  return { values, times, firstCutoff, pairs: possible ? (values.length - 1 - firstCutoff) * horizon : 0 };
}

/** Index of the n-th observed value, -1 where there are fewer. */
function indexOfObserved(values: Float32Array, n: number): number {
  let observed = 0;
  return values.findIndex((value) => {
    if (!Number.isNaN(value)) observed += 1;
    return observed === n;
  });
}

/** About a share of 0 … `count` − 1, ascending. What lies between two of them has a geometric law. */
function* drawn(count: number, share: number, key: number): Generator<number, void> {
  const logMiss = Math.log1p(-Math.min(share, 1));
  const skip = (draw: number) => (share >= 1 ? 0 : Math.floor(Math.log(uniformAt(key, draw)) / logMiss));
  for (let i = skip(0), draw = 1; i < count; draw += 1) {
    yield i;
    i += 1 + skip(draw);
  }
}

function rowsOfSeries(
  { plan, horizon, contextLength, fromMs }: RowsRequest,
  series: number,
  { values, times, firstCutoff }: Candidates,
  pairs: Iterable<number>,
): Row[] {
  const rows: Row[] = [];
  let current: { readonly t: number; readonly cutoff: Cutoff | null } | undefined;
  for (const pair of pairs) {
    const t = firstCutoff + Math.floor(pair / horizon);
    const step = 1 + (pair % horizon);
    const target = values[t + step];
    const targetMs = times[t + step]!;
    if (target === undefined || Number.isNaN(target) || targetMs < fromMs) continue;
    if (current?.t !== t) {
      const past = values.subarray(Math.max(0, t + 1 - contextLength), t + 1);
      current = { t, cutoff: describeCutoff(past, plan) };
    }
    const { cutoff } = current;
    if (cutoff !== null) rows.push({ series, cutoff, step, target, targetMs, cutoffMs: times[t]! });
  }
  return rows;
}
