import type { Interval } from "../../../shared/contracts/incidents.ts";
import { quote, timestamp } from "../../../shared/history/duckdb.ts";

export interface ScoreQuery {
  readonly forecaster: string;
  readonly entity: string | null;
  /** Range of `target_ts`, both ends inclusive. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly without: readonly Interval[];
}

const COLUMNS = `target_ts, issued_at, step, entity, error, abs_pct_error, in_interval, naive_error, mean, actual,
  pinball, coalesce(in_incident, false) AS in_incident, model_version, variant`;

/**
 * SQL of a forecaster's scores, by the time they were issued and step. One that came twice is there once. Those
 * with `issued_at` or `target_ts` in an interval of `without`, or marked so, are left out where there is one.
 *
 * @param entity null: all scores, else those of one member
 */
export function scoreSql(
  relation: string,
  { forecaster, entity, fromMs, toMs, without }: ScoreQuery,
): string {
  const outside = without.flatMap((each) =>
    ["issued_at", "target_ts"].map((column) => {
      const ends = Number.isFinite(each.toMs) ? ` AND ${column} < ${timestamp(each.toMs)}` : "";
      return `NOT (${column} >= ${timestamp(each.fromMs)}${ends})`;
    }),
  );
  const conditions = [
    "kind = 'score'",
    `id = ${quote(forecaster)}`,
    ...(entity === null ? [] : [`entity = ${quote(entity)}`]),
    ...(fromMs === undefined ? [] : [`target_ts >= ${timestamp(fromMs)}`]),
    ...(toMs === undefined ? [] : [`target_ts <= ${timestamp(toMs)}`]),
    ...outside,
  ];
  return `SELECT DISTINCT ${COLUMNS} FROM ${relation} WHERE ${conditions.join(" AND ")}
    ORDER BY issued_at, step, target_ts, entity, model_version, variant`;
}
