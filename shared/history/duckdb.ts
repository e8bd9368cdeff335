import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement } from "@duckdb/node-api";

export type { DuckDBConnection, DuckDBPreparedStatement };

/** Loads DuckDB on first use: a process that never touches history pays neither its start nor its memory. */
export function duckdb() {
  return import("@duckdb/node-api");
}

const SETTINGS = {
  // One thread: the cores are shared, and a file's bytes then depend on its content alone.
  threads: "1",
  memory_limit: "256MB",
  preserve_insertion_order: "true",
  // It keeps what was read of each Parquet file until the memory limit; the system's own cache does, too.
  enable_external_file_cache: "false",
  allow_unsigned_extensions: "false",
  autoinstall_known_extensions: "false",
} as const;

/** Opens a database; `path` is a file that no other process can have open at the same time. */
export async function openDatabase(path = ":memory:"): Promise<DuckDBInstance> {
  const { DuckDBInstance } = await duckdb();
  const spill: Record<string, string> =
    path === ":memory:" ? { temp_directory: join(tmpdir(), `retune-duckdb-${process.pid}`) } : {};
  return DuckDBInstance.create(path, { ...SETTINGS, ...spill });
}

let shared: Promise<DuckDBInstance> | undefined;

/** Runs `use` on a connection of the process's in-memory database. */
export async function withMemory<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  shared ??= openDatabase();
  const connection = await (await shared).connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
  }
}

/** A text as an SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Milliseconds since the epoch as an SQL timestamp. */
export function timestamp(timeMs: number): string {
  return `make_timestamp_ms(${Math.trunc(timeMs)})`;
}

/** Rows of a query, columns by name; times as milliseconds if the query says `epoch_ms`. */
export async function rows(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS() as Record<string, unknown>[];
}

/** Columns of DOUBLE as one Float64Array each. Null becomes NaN. */
export async function doubles(connection: DuckDBConnection, sql: string): Promise<Float64Array[]> {
  const result = await connection.run(sql);
  const parts: number[][] = Array.from({ length: result.columnCount }, () => []);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    for (let c = 0; c < parts.length; c++) {
      const into = parts[c]!;
      for (const value of chunk.getColumnValues(c)) into.push(value === null ? Number.NaN : Number(value));
    }
  }
  return parts.map((each) => Float64Array.from(each));
}
