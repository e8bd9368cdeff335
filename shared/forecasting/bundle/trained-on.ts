import { isWeekend } from "../context.ts";
import type { TrainingSeries } from "../family.ts";
import type { StepGrid } from "../quantile-forecast.ts";
import type { BundleInfo } from "./bundle.ts";

/** What a bundle says of the data behind it. @param series not empty, with values */
export function trainedOn(
  series: readonly TrainingSeries[],
  grid: StepGrid,
  rows: number,
): BundleInfo["trained_on"] {
  const starts = series.map(({ values, endMs }) => timeBefore(endMs, values.length - 1, grid));
  return {
    from: new Date(Math.min(...starts)).toISOString(),
    to: new Date(Math.max(...series.map(({ endMs }) => endMs))).toISOString(),
    entities: series.filter(({ entity }) => entity !== null).length,
    rows,
  };
}

/** Time of the step that many steps of the grid before `endMs`. */
export function timeBefore(endMs: number, steps: number, { stepMs, calendar }: StepGrid): number {
  if (calendar === "all") return endMs - steps * stepMs;
  let at = endMs;
  for (let left = steps; left > 0; left -= 1) {
    at -= stepMs;
    while (isWeekend(at)) at -= stepMs;
  }
  return at;
}
