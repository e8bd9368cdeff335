import type { Interval } from "../../../shared/contracts/incidents.ts";
import { MOST_NAMED, type WindowGap } from "../../../shared/contracts/inference-buffer.ts";
import { quote, rows, withMemory } from "../../../shared/history/duckdb.ts";

export interface Gaps {
  readonly gaps: WindowGap[];
  readonly gaps_total: number;
}

export interface GapQuery {
  /** The file has a column `entity`; its rows are ascending by entity, then by time. */
  readonly byEntity: boolean;
  /** Longest silence that is no gap, given the usual step of the window (both in ms). */
  readonly maxGapMs: (stepMs: number) => number;
  /** What was left out of the window: a gap with a cause, and no silence. */
  readonly incidents: readonly Interval[];
  /** Ends of the window, where it has some; incidents outside are no gaps of it. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

interface Silence {
  readonly entity: string | null;
  readonly a: number;
  readonly z: number;
}

/**
 * Gaps of a window: silences between two neighbouring observations of an entity that last longer than
 * `maxGapMs`, not counting the time in incidents, and the incidents. The usual step is the median distance.
 *
 * @returns the longest silences first, then the incidents in order
 */
export async function findGaps(path: string, query: GapQuery): Promise<Gaps> {
  const { incidents, fromMs = -Infinity, toMs = Infinity, maxGapMs } = query;
  const within = incidents.filter((each) => each.fromMs <= toMs && each.toMs > fromMs);
  const { silences, total } = await withMemory(async (connection) => {
    const steps = stepsSql(path, query.byEntity);
    const [usual] = await rows(
      connection,
      `SELECT approx_quantile(z - a, 0.5)::DOUBLE AS ms FROM (${steps}) WHERE z > a`,
    );
    if (typeof usual?.ms !== "number") return { silences: [], total: 0 };
    const long = `FROM (${steps}) WHERE z - a${inside(within)} > ${maxGapMs(usual.ms)}`;
    const found = await rows(
      connection,
      `SELECT entity, a, z ${long} ORDER BY z - a DESC, a, entity LIMIT ${MOST_NAMED}`,
    );
    const [{ n } = { n: 0 }] = await rows(connection, `SELECT count(*)::DOUBLE AS n ${long}`);
    return { silences: found as unknown as Silence[], total: n as number };
  });
  const gaps = [...silences.map(silence), ...within.map(incident)];
  return { gaps: gaps.slice(0, MOST_NAMED), gaps_total: total + within.length };
}

/** Neighbouring observations, from `a` to `z` in milliseconds. The file's order is the order of the rows. */
function stepsSql(path: string, byEntity: boolean): string {
  const ms = "epoch_ms(ts)::DOUBLE";
  const before = `lag(${ms}) OVER ()`;
  const [entity, a] = byEntity
    ? ["entity", `CASE WHEN lag(entity) OVER () IS NOT DISTINCT FROM entity THEN ${before} END`]
    : ["NULL::VARCHAR", before];
  return `SELECT ${entity} AS entity, ${a} AS a, ${ms} AS z FROM read_parquet(${quote(path)})`;
}

/** SQL that subtracts the time from `a` to `z` that lies in intervals. */
function inside(intervals: readonly Interval[]): string {
  return intervals
    .map(({ fromMs, toMs }) => {
      const end = Number.isFinite(toMs) ? `least(z, ${toMs})` : "z";
      return ` - greatest(0, ${end} - greatest(a, ${fromMs}))`;
    })
    .join("");
}

function silence({ entity, a, z }: Silence): WindowGap {
  return { ...(entity === null ? {} : { entity }), from: iso(a), to: iso(z), cause: "silence" };
}

function incident({ fromMs, toMs }: Interval): WindowGap {
  return { from: iso(fromMs), to: Number.isFinite(toMs) ? iso(toMs) : null, cause: "incident" };
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
