import type { StepGrid } from "../../shared/forecasting/quantile-forecast.ts";
import { quote } from "../../shared/history/duckdb.ts";

/**
 * SQL that puts the observations of a fleet on one regular grid of steps.
 *
 * The grid ends at the newest observation of the whole fleet and each observation goes to the step nearest to its
 * time, so entities need not report at the same second. Of several on one step the newest counts. An entity has a row
 * for every step from its first observation to the end of the grid, null where it has none: a step that the whole
 * fleet missed is there all the same, and who joined late or fell silent is seen to. On a weekday calendar Saturdays
 * and Sundays (UTC) are no steps. Observations without an entity are left out.
 *
 * @param path Parquet with `entity`, `ts` and `value`; the result has the same columns, by entity, then by time
 */
export function fleetGridQuery(path: string, { stepMs, calendar }: StepGrid): string {
  const weekday = calendar === "weekdays" ? "isodow(ts) <= 5" : "true";
  return `
    WITH observed AS (
      SELECT entity, epoch_us(ts) / 1000.0 AS t, value::DOUBLE AS v FROM read_parquet(${quote(path)})
      WHERE entity IS NOT NULL AND isfinite(value::DOUBLE) AND ${weekday}
    ),
    newest AS (SELECT max(t) AS t FROM observed),
    steps AS (
      SELECT entity, round((observed.t - newest.t) / ${stepMs})::BIGINT AS k, arg_max(v, observed.t) AS v
      FROM observed, newest GROUP BY entity, k
    ),
    members AS (SELECT entity, min(k) AS first FROM steps GROUP BY entity),
    grid AS (
      SELECT entity, k, make_timestamp_ms((newest.t + k * ${stepMs})::BIGINT) AS ts
      FROM (SELECT entity, unnest(generate_series(first, 0)) AS k FROM members), newest
    )
    SELECT entity, ts, steps.v AS value FROM grid LEFT JOIN steps USING (entity, k) WHERE ${weekday} ORDER BY entity, ts`;
}
