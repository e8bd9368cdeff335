import { rm } from "node:fs/promises";
import { type DuckDBConnection, quote, rows, timestamp } from "./duckdb.ts";
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
  /** Left out: `fromMs <= ts < toMs`; toMs may be Infinity. */
  readonly without?: readonly { readonly fromMs: number; readonly toMs: number }[];
}

/** Conditions on `ts`: within a range, and in none of the intervals. */
export function timeConditions({
  fromMs,
  toMs,
  without = [],
}: Pick<ObservationQuery, "fromMs" | "toMs" | "without">): string[] {
  return [
    ...(fromMs === undefined ? [] : [`ts >= ${timestamp(fromMs)}`]),
    ...(toMs === undefined ? [] : [`ts <= ${timestamp(toMs)}`]),
    ...without.map((each) => {
      const ends = Number.isFinite(each.toMs) ? ` AND ts < ${timestamp(each.toMs)}` : "";
      return `NOT (ts >= ${timestamp(each.fromMs)}${ends})`;
    }),
  ];
}

function conditionsOf({ series, metric, entity, ...times }: ObservationQuery): string {
  return [
    "kind = 'observation'",
    `id = ${quote(series)}`,
    `metric = ${quote(metric)}`,
    entity === null ? "entity IS NULL" : `entity = ${quote(entity)}`,
    "isfinite(value)",
    ...timeConditions(times),
  ].join(" AND ");
}

/**
 * SQL of one series: `ts` and `value`, ascending, one row a time. Where a time was observed more than once
 * the newest arrival counts: that is how a publisher corrects itself. Sorted and then read once, since sorting,
 * unlike grouping, goes to the disk when there is more than memory holds.
 */
export function sortedSql(relation: string, query: ObservationQuery): string {
  const all = `SELECT ts, value FROM ${relation} WHERE ${conditionsOf(query)} ORDER BY ts, arrived, seq, idx`;
  return `SELECT ts, value FROM (SELECT ts, value, lead(ts) OVER () AS later FROM (${all}))
    WHERE later IS DISTINCT FROM ts`;
}

/** Whether the rows of a series lie in the order of their times, no time twice; then nothing needs sorting. */
async function isInOrder(
  connection: DuckDBConnection,
  relation: string,
  query: ObservationQuery,
): Promise<boolean> {
  const steps = `SELECT ts, lag(ts) OVER () AS before FROM ${relation} WHERE ${conditionsOf(query)}`;
  const [found] = await rows(connection, `SELECT bool_and(ts > before) AS ordered FROM (${steps})`);
  return found!.ordered !== false;
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
      const sql = (await isInOrder(connection, relation, query))
        ? `SELECT ts, value FROM ${relation} WHERE ${conditionsOf(query)}`
        : sortedSql(relation, query);
      await writeQuery(connection, sql, path);
      await syncFile(path);
      const extent = `SELECT count(*)::INTEGER AS n, epoch_ms(min(ts))::DOUBLE AS a, epoch_ms(max(ts))::DOUBLE AS z FROM read_parquet(${quote(path)})`;
      const [summary] = await rows(connection, extent);
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
