import type { ChartView } from "../../projection/view.ts";

type Column = (number | null)[];
/** Times, truth, past one-step forecasts, mean, lower and upper of the newest forecast. */
export type ChartColumns = [
  x: number[],
  truth: Column,
  oneStep: Column,
  mean: Column,
  lower: Column,
  upper: Column,
];

/**
 * The chart's lines on one common, ascending time axis, with null where a line has no value. The forecast
 * starts at the newest observation it has seen, so that its band opens there.
 */
export function chartColumns({ truth, one_step, forecast }: ChartView): ChartColumns {
  const issued = forecast === null ? Number.NaN : Date.parse(forecast.issued_at) / 1000;
  const from = truth.t.indexOf(issued);
  const times = new Set<number>([...truth.t, ...one_step.t, ...(forecast?.t ?? [])]);
  const x = [...times].toSorted((a, b) => a - b);
  const at = new Map(x.map((time, i) => [time, i]));
  const column = (t: readonly number[], v: readonly number[]): Column => {
    const values: Column = Array<null>(x.length).fill(null);
    t.forEach((time, i) => {
      values[at.get(time)!] = v[i]!;
    });
    return values;
  };
  const opening = (values: readonly number[]): Column => {
    if (forecast === null) return column([], []);
    return from < 0
      ? column(forecast.t, values)
      : column([truth.t[from]!, ...forecast.t], [truth.v[from]!, ...values]);
  };
  return [
    x,
    column(truth.t, truth.v),
    column(one_step.t, one_step.v),
    opening(forecast?.mean ?? []),
    opening(forecast?.lower ?? []),
    opening(forecast?.upper ?? []),
  ];
}
