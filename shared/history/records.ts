import type { TelemetryKind } from "../contracts/subjects.ts";
import { type DuckDBConnection, quote } from "./duckdb.ts";
import { COMMON, type Column, type ColumnType, KIND_COLUMNS } from "./schema.ts";

/** A record as it was published, and where it stood in the stream. */
export interface HistoryRecord {
  /** Creation time of the stream that `seq` counts in. */
  readonly stream: string;
  readonly seq: number;
  /** Place in its message. */
  readonly idx: number;
  readonly arrivedMs: number;
  readonly kind: TelemetryKind;
  /** Last token of the subject. */
  readonly id: string;
  /** Times are ISO-8601 in UTC with milliseconds, however they were written; all else is as published. */
  readonly record: Record<string, unknown>;
}

/** Rows of one kind by column: the common columns first, then the kind's own. */
type Cells = readonly (readonly unknown[])[];

/**
 * The records of one kind among a relation's rows (with `file_row_number`), in the order of the stream. An
 * observation's metrics, a row each, become one record again.
 *
 * @param where SQL condition on the rows
 */
export async function recordsOfKind(
  connection: DuckDBConnection,
  relation: string,
  kind: TelemetryKind,
  stream: string,
  where: string,
): Promise<HistoryRecord[]> {
  const columns = [...COMMON, ...KIND_COLUMNS[kind]];
  const cells = columns.map(({ name, type }) => plain(name, type)).join(", ");
  const result = await connection.run(
    `SELECT ${cells} FROM ${relation} WHERE kind = ${quote(kind)} AND ${where}
     ORDER BY seq, idx, arrived, file_row_number`,
  );
  const records: HistoryRecord[] = [];
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return records;
    const values = columns.map((_, c) => chunk.getColumnValues(c));
    for (let row = 0; row < chunk.rowCount; row++) take(records, kind, stream, values, row);
  }
}

/** SQL of a column as a number, text or flag, which cost nothing to read. */
function plain(name: string, type: ColumnType): string {
  if (type === "time") return `epoch_ms(${name})::DOUBLE AS ${name}`;
  return type === "count" ? `${name}::DOUBLE AS ${name}` : name;
}

function take(
  records: HistoryRecord[],
  kind: TelemetryKind,
  stream: string,
  cells: Cells,
  row: number,
): void {
  const [seq, idx, arrivedMs] = [cells[0]![row], cells[1]![row], cells[2]![row]] as [number, number, number];
  if (kind === "observation") {
    const metric = cells[COMMON.length + 2]![row] as string;
    const value = cells[COMMON.length + 3]![row];
    const last = records.at(-1);
    if (last !== undefined && last.seq === seq && last.idx === idx && last.arrivedMs === arrivedMs) {
      (last.record.values as Record<string, unknown>)[metric] = value;
      return;
    }
    const record = fieldsOf(KIND_COLUMNS.observation.slice(0, 2), cells, row);
    record.values = { [metric]: value };
    records.push({ stream, seq, idx, arrivedMs, kind, id: cells[3]![row] as string, record });
    return;
  }
  const record = fieldsOf(KIND_COLUMNS[kind], cells, row);
  records.push({ stream, seq, idx, arrivedMs, kind, id: cells[3]![row] as string, record });
}

function fieldsOf(columns: readonly Column[], cells: Cells, row: number): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const [c, { name, field = name, type, nullable }] of columns.entries()) {
    const value = cells[COMMON.length + c]![row];
    if (value === null || value === undefined) {
      if (nullable) record[field] = null;
    } else if (type === "time") record[field] = new Date(value as number).toISOString();
    else record[field] = type === "json" ? JSON.parse(value as string) : value;
  }
  const extra = cells[4]![row];
  return typeof extra === "string" ? Object.assign(record, JSON.parse(extra)) : record;
}
