import type { StepGrid } from "../../shared/forecasting/quantile-forecast.ts";
import { quote } from "../../shared/history/duckdb.ts";

/**
 * SQL that puts a window's observations on a regular grid of steps: what backtests count in steps then is steps.
 *
 * The grid ends at the newest observation and each observation goes to the step nearest to its time, so a few minutes
 * or an hour of daylight saving do not matter. Of several on one step the newest counts; a step without one is null.
 * On a weekday calendar Saturdays and Sundays (UTC) are no steps, and what was observed on them is left out.
 *
 * @param path Parquet with `ts` and `value`; the result has the same columns, ascending
 */
export function gridQuery(path: string, { stepMs, calendar }: StepGrid): string {
  const weekdays = calendar === "weekdays" ? "WHERE isodow(ts) <= 5" : "";
  return `
    WITH observed AS (
      SELECT epoch_us(ts) / 1000.0 AS t, value::DOUBLE AS v FROM read_parquet(${quote(path)})
      WHERE isfinite(value::DOUBLE) ${weekdays.replace("WHERE", "AND")}
    ),
    newest AS (SELECT max(t) AS t FROM observed),
    steps AS (
      SELECT round((observed.t - newest.t) / ${stepMs})::BIGINT AS k, arg_max(v, observed.t) AS v
      FROM observed, newest GROUP BY k
    ),
    grid AS (
      SELECT k, make_timestamp_ms((newest.t + k * ${stepMs})::BIGINT) AS ts
      FROM (SELECT unnest(generate_series((SELECT min(k) FROM steps), 0)) AS k), newest
    )
    SELECT ts, steps.v AS value FROM grid LEFT JOIN steps USING (k) ${weekdays} ORDER BY ts`;
}
