import { InvalidInputError } from "../errors.ts";
import type { BacktestPlan } from "./backtest-plan.ts";
import type { SeriesInfo, StepGrid } from "./quantile-forecast.ts";

/** One series on the common grid. */
export interface BacktestSeries {
  /** null where the series has no entities */
  readonly entity: string | null;
  /** oldest first, NaN for missing, unit of the series */
  readonly values: Float64Array;
}

/** What is forecast: one series, or a fleet on one grid. */
export interface BacktestData {
  /** not empty, equally long */
  readonly series: readonly BacktestSeries[];
  /** of every step, ms since the epoch; families that look at calendar time or entities need it */
  readonly times?: Float64Array | undefined;
  readonly grid?: StepGrid | undefined;
  /** steps in a season, 1 for none, "auto" to detect it in each context */
  readonly seasonLength: number | "auto";
}

/** One forecast of a backtest. */
export interface BacktestWindow {
  /** index into the plan's cutoffs */
  readonly at: number;
  readonly cutoff: number;
  /** index into the data's series */
  readonly series: number;
  /** targets, observed or not */
  readonly steps: number;
  /** one of its targets is observed */
  readonly isScored: boolean;
}

/** Steps of a fleet's series before a cutoff in which it has to be alive: the shortest context a config may have. */
const ALIVE_STEPS = 8;
/** Observed values among them. As many as a context must hold, so what is alive can be forecast by every config. */
const ALIVE_VALUES = 4;

/** Data of one series without entities. */
export function oneSeries(
  values: Float64Array,
  seasonLength: number | "auto",
  when: Pick<BacktestData, "times" | "grid"> = {},
): BacktestData {
  return { series: [{ entity: null, values }], seasonLength, ...when };
}

/** The first `end` steps of each series: what lies after them does not exist for whoever gets the result. */
export function dataBefore(data: BacktestData, end: number): BacktestData {
  return {
    ...data,
    series: data.series.map(({ entity, values }) => ({ entity, values: values.subarray(0, end) })),
    times: data.times?.subarray(0, end),
  };
}

/**
 * The forecasts that a plan asks for, cutoff by cutoff.
 *
 * Of a fleet a series with fewer than 4 observed values in the 8 steps up to the cutoff is left out: whichever config is
 * tried, the same windows are scored, as pairing needs.
 *
 * @throws {InvalidInputError} for no series, series of different lengths, no cutoffs, or a cutoff outside the series
 */
export function windowsOf({ series, times }: BacktestData, plan: BacktestPlan): BacktestWindow[] {
  const length = series[0]?.values.length ?? 0;
  if (series.length === 0) throw new InvalidInputError("the backtest has no series");
  const uneven = series.find(({ values }) => values.length !== length);
  if (uneven !== undefined || (times !== undefined && times.length !== length)) {
    const other = uneven?.values.length ?? times!.length;
    throw new InvalidInputError(
      `series and times of a backtest have ${length} and ${other} steps, expected one grid`,
    );
  }
  if (plan.cutoffs.length === 0) throw new InvalidInputError("the backtest has no windows");
  const isFleet = series.length > 1;
  return plan.cutoffs.flatMap((cutoff, at) => {
    if (!Number.isInteger(cutoff) || cutoff < 0 || cutoff >= length - 1) {
      throw new InvalidInputError(
        `cutoff is ${cutoff}, expected an index below ${length - 1}, with a step after it`,
      );
    }
    const steps = Math.min(plan.horizon, length - 1 - cutoff);
    return series.flatMap(({ values }, s) => {
      if (isFleet && !isAlive(values, cutoff)) return [];
      const targets = values.subarray(cutoff + 1, cutoff + 1 + steps);
      const isScored = targets.some((value) => !Number.isNaN(value));
      return [{ at, cutoff, series: s, steps, isScored }];
    });
  });
}

/** Which series a window is of and when its context ends; undefined where the data does not say. */
export function seriesInfo(
  { series, times }: BacktestData,
  window: Pick<BacktestWindow, "cutoff" | "series">,
): SeriesInfo | undefined {
  if (times === undefined) return undefined;
  return { entity: series[window.series]!.entity, endMs: times[window.cutoff]! };
}

function isAlive(values: Float64Array, cutoff: number): boolean {
  const recent = values.subarray(Math.max(0, cutoff + 1 - ALIVE_STEPS), cutoff + 1);
  let observed = 0;
  for (const value of recent) if (!Number.isNaN(value)) observed += 1;
  return observed >= ALIVE_VALUES;
}
