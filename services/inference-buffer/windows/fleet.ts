import { rm } from "node:fs/promises";
import { MOST_NAMED } from "../../../shared/contracts/inference-buffer.ts";
import { type DuckDBConnection, quote, rows, timestamp } from "../../../shared/history/duckdb.ts";
import { moveDurably, syncFile } from "../../../shared/history/files.ts";
import type { History } from "../../../shared/history/history.ts";
import { type ObservationQuery, timeConditions } from "../../../shared/history/observations.ts";
import { writeQuery } from "../../../shared/history/parquet.ts";

/** Silence after which an entity is taken for sunset where the fleet monitor does not answer. */
const SUNSET_MS = 30 * 86_400_000;
const DAY_MS = 86_400_000;

export interface FleetQuery extends Omit<ObservationQuery, "entity"> {
  readonly minHistoryMs: number;
  readonly minSamples: number;
  /** Entities that the fleet monitor confirms as sunset; undefined: it did not answer. */
  readonly sunset: readonly string[] | undefined;
}

export interface WrittenFleet {
  readonly rows: number;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly entities: number;
  readonly excluded: { readonly entity: string | null; readonly reason: string }[];
  readonly excluded_total: number;
  readonly missing: string[];
  readonly missing_total: number;
}

/**
 * Writes all entities of a series that are fit for training to one Parquet file (`entity` text, `ts`, `value`),
 * ascending by entity and time. (C-DAT-1) Left out and named, for the first reason that holds:
 *
 *     confirmed sunset        by the fleet monitor, or 30 d behind the newest of the series where it is mute
 *     silent                  no observation in the window
 *     young                   less than `minHistoryMs` between its first and its newest observation
 *     thin                    fewer than `minSamples` observations
 *
 * History and samples count everything that is kept up to the end of the window. Where a time was observed more
 * than once the newest arrival counts.
 */
export async function writeFleetWindow(
  history: History,
  query: FleetQuery,
  path: string,
): Promise<WrittenFleet> {
  const draft = `${path}.draft`;
  try {
    return await history.read(async (relation, connection) => {
      const { series, metric, fromMs } = query;
      const seen = `kind = 'observation' AND id = ${quote(series)}`;
      const measured = `${seen} AND metric = ${quote(metric)} AND isfinite(value)`;
      const within = timeConditions(query);
      const until = timeConditions(query.toMs === undefined ? {} : { toMs: query.toMs });
      const isInside = fromMs === undefined ? "true" : `max(ts) >= ${timestamp(fromMs)}`;
      await connection.run(
        `CREATE TEMP TABLE members AS
         SELECT entity, count(*) AS n, min(ts) AS first, max(ts) AS last, ${isInside} AS is_inside
         FROM ${relation} WHERE ${[measured, ...until].join(" AND ")} GROUP BY entity`,
      );
      await connection.run(
        `CREATE TEMP TABLE judged AS SELECT entity, ${reasonSql(query)} AS reason
         FROM members, (SELECT max(last) AS newest FROM members)`,
      );
      await connection.run(
        `CREATE TEMP TABLE kept AS SELECT coalesce(entity, '') AS name, row_number() OVER (ORDER BY entity NULLS FIRST)::INTEGER AS place
         FROM judged WHERE reason IS NULL`,
      );
      const conditions = [measured, ...within].join(" AND ");
      await writeSorted(connection, relation, conditions, { draft, path });
      const [summary] = await rows(
        connection,
        `SELECT count(*)::DOUBLE AS n, epoch_ms(min(ts))::DOUBLE AS a, epoch_ms(max(ts))::DOUBLE AS z FROM read_parquet(${quote(path)})`,
      );
      const excluded = await named(connection, "SELECT entity, reason FROM judged WHERE reason IS NOT NULL");
      const missing = await named(
        connection,
        `SELECT entity FROM ${relation} WHERE ${[seen, "entity IS NOT NULL", ...within].join(" AND ")}
         EXCEPT SELECT entity FROM members WHERE is_inside`,
      );
      const [{ n: entities } = { n: 0 }] = await rows(connection, "SELECT count(*)::DOUBLE AS n FROM kept");
      return {
        rows: summary!.n as number,
        fromMs: summary!.a as number | null,
        toMs: summary!.z as number | null,
        entities: entities as number,
        excluded: excluded.list as WrittenFleet["excluded"],
        excluded_total: excluded.total,
        missing: missing.list.map(({ entity }) => entity as string),
        missing_total: missing.total,
      };
    });
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Null for an entity that is fit. */
function reasonSql({ sunset, minHistoryMs, minSamples }: FleetQuery): string {
  const days = (ms: number) => Number((ms / DAY_MS).toFixed(1));
  const lasted = "round(epoch_ms(last - first) / 86400000.0, 1)";
  const confirmed =
    sunset === undefined
      ? `WHEN last < newest - to_milliseconds(${SUNSET_MS}) THEN 'silent since ' || strftime(last, '%Y-%m-%d') || ', taken for sunset: the fleet monitor did not answer'`
      : sunset.length === 0
        ? ""
        : `WHEN entity IN (${sunset.map(quote).join(", ")}) THEN 'confirmed sunset'`;
  return `CASE ${confirmed}
    WHEN NOT is_inside THEN 'silent since ' || strftime(last, '%Y-%m-%d')
    WHEN epoch_ms(last - first) < ${minHistoryMs} THEN ${lasted} || ' d of history, fewer than ${days(minHistoryMs)}'
    WHEN n < ${minSamples} THEN n || ' samples, fewer than ${minSamples}' END`;
}

/**
 * Sorting by an entity's place in place of its name is three times as fast. Repeats of a time are rare, and
 * finding out that there are none takes one pass over the sorted file; only otherwise is the newest looked for.
 */
async function writeSorted(
  connection: DuckDBConnection,
  relation: string,
  conditions: string,
  { draft, path }: { draft: string; path: string },
): Promise<void> {
  const sorted = (order: string) => `
    SELECT nullif(names[place], '') AS entity, ts, value FROM (
      SELECT place, ts, value FROM ${relation} JOIN kept ON name = coalesce(entity, '') WHERE ${conditions} ORDER BY ${order}
    ), (SELECT list(name ORDER BY place) AS names FROM kept)`;
  await writeQuery(connection, sorted("place, ts"), draft);
  const same = (next: "lag" | "lead") =>
    `${next}(ts) OVER () = ts AND ${next}(entity) OVER () IS NOT DISTINCT FROM entity`;
  const [repeats] = await rows(
    connection,
    `SELECT count(*)::DOUBLE AS n FROM (SELECT ${same("lag")} AS is_repeat FROM read_parquet(${quote(draft)})) WHERE is_repeat`,
  );
  if (repeats?.n === 0) {
    await syncFile(draft);
    await moveDurably(draft, path);
    return;
  }
  await writeQuery(connection, sorted("place, ts, arrived, seq, idx"), draft);
  await writeQuery(
    connection,
    `SELECT entity, ts, value FROM (SELECT *, ${same("lead")} AS is_older FROM read_parquet(${quote(draft)}))
     WHERE is_older IS DISTINCT FROM true`,
    path,
  );
  await syncFile(path);
}

async function named(
  connection: DuckDBConnection,
  sql: string,
): Promise<{ list: Record<string, unknown>[]; total: number }> {
  const list = await rows(
    connection,
    `SELECT * FROM (${sql}) ORDER BY entity NULLS FIRST LIMIT ${MOST_NAMED}`,
  );
  if (list.length < MOST_NAMED) return { list, total: list.length };
  const [{ n } = { n: 0 }] = await rows(connection, `SELECT count(*)::DOUBLE AS n FROM (${sql})`);
  return { list, total: n as number };
}
