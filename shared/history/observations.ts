import { rm } from "node:fs/promises";
import { quote, rows, timestamp } from "./duckdb.ts";
import { syncFile } from "./files.ts";
import type { History } from "./history.ts";
import { writeQuery } from "./parquet.ts";

export interface ObservationQuery {
  readonly series: string;
  readonly metric: string;
  /** null: observations without an entity. */
  readonly entity: string | null;
  readonly fromMs?: number;
  /** Inclusive. */
  readonly toMs?: number;
}

/**
 * SQL of one series: `ts` and `value`, ascending, one row a time. Where a time was observed more than once
 * the newest arrival counts: that is how a publisher corrects itself.
 */
export function observationSql(
  relation: string,
  { series, metric, entity, fromMs, toMs }: ObservationQuery,
): string {
  const conditions = [
    "kind = 'observation'",
    `id = ${quote(series)}`,
    `metric = ${quote(metric)}`,
    entity === null ? "entity IS NULL" : `entity = ${quote(entity)}`,
    "isfinite(value)",
    ...(fromMs === undefined ? [] : [`ts >= ${timestamp(fromMs)}`]),
    ...(toMs === undefined ? [] : [`ts <= ${timestamp(toMs)}`]),
  ];
  const newest = "arg_max(value, (arrived, seq, idx))";
  return `SELECT ts, ${newest} AS value FROM ${relation} WHERE ${conditions.join(" AND ")} GROUP BY ts ORDER BY ts`;
}

export interface WrittenWindow {
  readonly rows: number;
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** Writes one series to a Parquet file (`ts` TIMESTAMP, `value` DOUBLE): equal content gives equal bytes. */
export async function writeWindow(
  history: History,
  query: ObservationQuery,
  path: string,
): Promise<WrittenWindow> {
  return history.read(async (relation, connection) => {
    try {
      await writeQuery(connection, observationSql(relation, query), path);
      await syncFile(path);
      const sql = `SELECT count(*)::INTEGER AS n, epoch_ms(min(ts))::DOUBLE AS a, epoch_ms(max(ts))::DOUBLE AS z FROM read_parquet(${quote(path)})`;
      const [summary] = await rows(connection, sql);
      return {
        rows: summary!.n as number,
        fromMs: summary!.a as number | null,
        toMs: summary!.z as number | null,
      };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  });
}
