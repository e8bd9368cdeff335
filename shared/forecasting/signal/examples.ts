import { InvalidInputError } from "../../errors.ts";
import { timeBefore } from "../bundle/trained-on.ts";
import type { TrainingSeries } from "../family.ts";
import type { StepGrid } from "../quantile-forecast.ts";
import { timesAfter, timesUpTo } from "../tabular/calendar.ts";
import { pickRows, tableOf } from "../tabular/table.ts";
import { LEAST_REACH, SIGNAL_REACH, signalCalendar, signalFeatureNames, signalFeatures } from "./features.ts";
import { pricePath, type SignalValues, usualMove } from "./path.ts";
import type { SignalRows } from "./rows.ts";

/** Column of the step that a row is about. */
export const STEP_AHEAD = "step_ahead";
/** Changes that a row's scale is taken from. */
const WARM_UP = 25;

export interface SignalExamples extends SignalRows {
  /** [rows]: |move| in usual moves; see `usualMove` */
  readonly sizes: Float64Array;
  readonly calendar: ReturnType<typeof signalCalendar>;
}

/** Steps ahead that rows are made for: up to four, from 1 to the horizon, in about equal ratios. */
export function trainedSteps(horizon: number): number[] {
  return [...new Set([0, 1 / 3, 2 / 3, 1].map((share) => Math.round(horizon ** share)))];
}

/**
 * Rows of the last `trainSteps` bars of each series whose moves up to the horizon are all known, in order of time: what
 * the path looks like, the step ahead, and whether the price is higher then, or the change then is above 0.
 *
 * A label counts as known when the longest step's is, so that all rows of a bar stay together.
 *
 * @param reach steps of the past that a row looks at
 * @throws {InvalidInputError} where no bar has a row, a price is not above 0, or too short a reach
 */
export function signalExamples(
  series: readonly TrainingSeries[],
  grid: StepGrid,
  horizon: number,
  kind: SignalValues,
  trainSteps: number,
  reach = SIGNAL_REACH,
): SignalExamples {
  if (reach < LEAST_REACH)
    throw new InvalidInputError(`signal: context_length is ${reach}, expected at least ${LEAST_REACH}`);
  const longest = Math.max(...series.map(({ values }) => values.length));
  const calendar = signalCalendar(grid, longest);
  const steps = trainedSteps(horizon);
  const rows = series
    .flatMap((each) => rowsOf(each, { grid, horizon, kind, trainSteps, calendar, steps, reach }))
    .sort((a, b) => a.time - b.time);
  if (rows.length === 0)
    throw new InvalidInputError(
      `signal: the longest series has ${longest} values, of which none has ${WARM_UP} before it and a move ${horizon} steps later`,
    );
  const names = [STEP_AHEAD, ...signalFeatureNames({}, calendar)];
  const columns = names.map((_, f) => Float32Array.from(rows, ({ features }) => features[f]!));
  return {
    table: tableOf(Object.fromEntries(names.map((name, f) => [name, columns[f]!]))),
    labels: Float64Array.from(rows, ({ move }) => Number(move > 0)),
    bars: Int32Array.from(rows, ({ bar }) => bar),
    times: Float64Array.from(rows, ({ time }) => time),
    knownAt: Float64Array.from(rows, ({ knownAt }) => knownAt),
    sizes: Float64Array.from(rows, ({ move }) => Math.abs(move)),
    calendar,
  };
}

/** The rows that are about one step ahead. */
export function rowsOfStep(rows: SignalRows, step: number): SignalRows {
  const steps = rows.table.columns[rows.table.names.indexOf(STEP_AHEAD)]!;
  const kept = Int32Array.from(steps.keys()).filter((row) => steps[row] === step);
  const pick = (values: Float64Array) => Float64Array.from(kept, (row) => values[row]!);
  return {
    table: pickRows(rows.table, kept),
    labels: pick(rows.labels),
    bars: kept.map((row) => rows.bars[row]!),
    times: pick(rows.times),
    knownAt: pick(rows.knownAt),
  };
}

interface Example {
  readonly bar: number;
  readonly time: number;
  readonly knownAt: number;
  readonly features: readonly number[];
  /** in usual moves */
  readonly move: number;
}

interface Asked {
  readonly grid: StepGrid;
  readonly horizon: number;
  readonly kind: SignalValues;
  readonly trainSteps: number;
  readonly calendar: SignalExamples["calendar"];
  readonly steps: readonly number[];
  readonly reach: number;
}

function rowsOf({ entity, values, endMs }: TrainingSeries, asked: Asked): Example[] {
  const { grid, horizon, kind, trainSteps, calendar, steps, reach } = asked;
  if (kind === "price") checkPrices(values, entity);
  const path = pricePath(values, kind);
  const last = values.length - 1 - horizon;
  const first = Math.max(WARM_UP, last + 1 - trainSteps);
  const times = timesUpTo(timeBefore(endMs, horizon, grid), Math.max(0, last + 1), grid);
  const examples: Example[] = [];
  for (let t = first; t <= last; t += 1) {
    if (Number.isNaN(values[t]!)) continue;
    const time = times[t]!;
    const knownAt = timesAfter(time, horizon, grid)[horizon - 1]!;
    const features = signalFeatures(path, t, time, calendar, reach);
    for (const step of steps) {
      const move = moveOf(values, t, step, kind) / usualMove(path, t, step, kind, reach);
      if (!Number.isFinite(move) || move === 0) continue;
      examples.push({ bar: t, time, knownAt, features: [step, ...features], move });
    }
  }
  return examples;
}

function moveOf(values: Float64Array, t: number, step: number, kind: SignalValues): number {
  return kind === "price" ? Math.log(values[t + step]! / values[t]!) : values[t + step]!;
}

function checkPrices(values: Float64Array, entity: string | null): void {
  const bad = values.findIndex((value) => value <= 0);
  if (bad < 0) return;
  const whose = entity === null ? "" : ` of '${entity}'`;
  throw new InvalidInputError(
    `signal: value ${bad}${whose} is ${values[bad]}, expected prices above 0; for returns and other changes set values to change`,
  );
}
