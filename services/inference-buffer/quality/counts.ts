import { MOST_NAMED } from "../../../shared/contracts/inference-buffer.ts";
import { GAP_STEPS } from "../../../shared/contracts/series.ts";
import { type DuckDBConnection, quote, rows, timestamp } from "../../../shared/history/duckdb.ts";
import { DAY_MS, type DayCounts, type Expectation, isExpected } from "./quality.ts";

/** Monday, 5 January 1970, from which weeks are counted. */
const FIRST_MONDAY_MS = 4 * DAY_MS;
/** An entity is expected for so long after its last observation; then it is a candidate for sunset. (C-FLT-3) */
const ALIVE_MS = 7 * DAY_MS;

/**
 * Counts one UTC day of a series in the history. Times are told apart by entity and `ts`, whatever the metrics.
 * Late is what arrived after a newer observation of its entity that day. A gap belongs to the day it ends in; on a
 * weekday calendar Saturdays and Sundays are no part of it.
 *
 * @param untilMs end of what is looked at: the day's, or now
 * @returns the counts, and the step they were counted by: null where none was told and none could be inferred
 */
export async function countDay(
  connection: DuckDBConnection,
  relation: string,
  series: string,
  { dayMs, untilMs }: { readonly dayMs: number; readonly untilMs: number },
  expectation: Expectation,
): Promise<{ counts: DayCounts; everyMs: number | null }> {
  const seen = `kind = 'observation' AND id = ${quote(series)}`;
  await connection.run(`CREATE OR REPLACE TEMP TABLE seen AS
    SELECT entity, ts, min(seq * 1048576 + idx) AS place, count(*) - count(DISTINCT metric) AS repeats
    FROM ${relation} WHERE ${seen} AND ts >= ${timestamp(dayMs)} AND ts < ${timestamp(untilMs)} GROUP BY entity, ts`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE before AS
    SELECT entity, max(ts) AS last FROM ${relation}
    WHERE ${seen} AND ts >= ${timestamp(dayMs - ALIVE_MS)} AND ts < ${timestamp(dayMs)} GROUP BY entity`);
  const everyMs = expectation.everyMs ?? (await usualStep(connection));
  const maxGapMs = expectation.maxGapMs ?? (everyMs === null ? null : GAP_STEPS * everyMs);
  const [found] = await rows(connection, countsSql(maxGapMs, expectation.calendar));
  const [alive] = await rows(
    connection,
    expectedSql(everyMs, dayMs, isExpected(dayMs, expectation.calendar) ? untilMs : dayMs),
  );
  const absent =
    "FROM before WHERE entity IS NOT NULL AND entity NOT IN (SELECT entity FROM seen WHERE entity IS NOT NULL)";
  const missing = await rows(connection, `SELECT entity ${absent} ORDER BY entity LIMIT ${MOST_NAMED}`);
  const [total] = await rows(connection, `SELECT count(*)::DOUBLE AS n ${absent}`);
  const number = (row: Record<string, unknown> | undefined, name: string) =>
    (row?.[name] as number | null) ?? 0;
  const counts = {
    observations: number(found, "observations"),
    repeats: number(found, "repeats"),
    late: number(found, "late"),
    gaps: number(found, "gaps"),
    longestGapMs: number(found, "longest"),
    entities: number(found, "entities"),
    asExpected: number(alive, "as_expected"),
    expected: number(alive, "expected"),
    missing: missing.map(({ entity }) => entity as string),
    missingTotal: number(total, "n"),
  };
  return { counts, everyMs };
}

async function usualStep(connection: DuckDBConnection): Promise<number | null> {
  const distances =
    "SELECT epoch_ms(ts) - lag(epoch_ms(ts)) OVER (PARTITION BY entity ORDER BY ts) AS d FROM seen";
  const [usual] = await rows(
    connection,
    `SELECT approx_quantile(d, 0.5)::DOUBLE AS ms FROM (${distances}) WHERE d > 0`,
  );
  return typeof usual?.ms === "number" && usual.ms > 0 ? usual.ms : null;
}

function countsSql(maxGapMs: number | null, calendar: Expectation["calendar"]): string {
  const gap = maxGapMs === null ? "NULL" : `CASE WHEN silence > ${maxGapMs} THEN silence END`;
  const time = (column: string) => (calendar === "all" ? `epoch_ms(${column})` : weekdayTimeSql(column));
  return `
    SELECT count(*)::DOUBLE AS observations, sum(repeats)::DOUBLE AS repeats, count(DISTINCT name)::DOUBLE AS entities,
      count(*) FILTER (place > place_of_newer)::DOUBLE AS late, count(${gap})::DOUBLE AS gaps, max(${gap})::DOUBLE AS longest
    FROM (
      SELECT name, repeats, place,
        min(place) OVER (PARTITION BY name ORDER BY ts ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS place_of_newer,
        ${time("ts")} - ${time("coalesce(lag(ts) OVER (PARTITION BY name ORDER BY ts), last)")} AS silence
      FROM (SELECT *, coalesce(entity, '') AS name FROM seen)
      LEFT JOIN (SELECT coalesce(entity, '') AS name, last FROM before) USING (name)
    )`;
}

/** Milliseconds of Monday to Friday, UTC, up to a time. */
function weekdayTimeSql(column: string): string {
  const sinceMonday = `(epoch_ms(${column}) - ${FIRST_MONDAY_MS})`;
  return `(${sinceMonday} // ${7 * DAY_MS} * ${5 * DAY_MS} + least(${sinceMonday} % ${7 * DAY_MS}, ${5 * DAY_MS}))`;
}

/** Of each entity that is alive: whole steps from the beginning of the day, or from its first observation, to the end. */
function expectedSql(everyMs: number | null, dayMs: number, untilMs: number): string {
  if (everyMs === null || untilMs <= dayMs)
    return "SELECT 0.0::DOUBLE AS expected, 0.0::DOUBLE AS as_expected";
  return `
    WITH days AS (SELECT coalesce(entity, '') AS name, count(*) AS n, epoch_ms(min(ts)) AS first FROM seen GROUP BY name),
    known AS (SELECT coalesce(entity, '') AS name FROM before),
    alive AS (
      SELECT coalesce(n, 0) AS n,
        CASE WHEN known.name IS NULL THEN floor((${untilMs - 1} - first) / ${everyMs}) + 1 ELSE floor(${(untilMs - dayMs) / everyMs}) END AS expected
      FROM days FULL JOIN known USING (name)
    )
    SELECT sum(expected)::DOUBLE AS expected, sum(least(n, expected))::DOUBLE AS as_expected FROM alive`;
}
