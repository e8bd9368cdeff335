import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, type DuckDBPreparedStatement, duckdb, quote } from "./duckdb.ts";
import type { KindRows, RowBuffer } from "./row-buffer.ts";
import { COMMON, type ColumnType, HISTORY_COLUMNS, KIND_COLUMNS, SQL_TYPES } from "./schema.ts";

/** Version 2 keeps sequences and times as differences: a quarter of the bytes, and less work. */
const PARQUET = "(FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, USE_TMP_FILE false)";
const CHUNK_ROWS = 2_048;

/**
 * Writes buffers to Parquet files of the one schema, one after another: to `path`, which the caller renames.
 * Typed columns are copied in chunks into staging tables of DOUBLEs, and DuckDB turns codes into texts and
 * numbers into their types: no per-value call in JavaScript except for distinct texts. The statement of each
 * set of kinds is planned once, since for a small part planning costs more than writing.
 */
export class RowWriter {
  readonly path: string;
  private readonly connection: DuckDBConnection;
  private readonly statements = new Map<string, DuckDBPreparedStatement>();

  private constructor(connection: DuckDBConnection, path: string) {
    this.connection = connection;
    this.path = path;
  }

  static async create(connection: DuckDBConnection, path: string): Promise<RowWriter> {
    // A plan that is used again must not depend on what the tables held when it was made.
    await connection.run("SET disabled_optimizers = 'statistics_propagation,compressed_materialization'");
    await connection.run("CREATE TEMP TABLE dictionary (text VARCHAR)");
    for (const [kind, own] of Object.entries(KIND_COLUMNS)) {
      const columns = [...COMMON, ...own].map(({ name }) => `${name} DOUBLE`);
      await connection.run(`CREATE TEMP TABLE ${kind}_rows (${columns.join(", ")})`);
    }
    return new RowWriter(connection, path);
  }

  /** @param stream creation time of the stream that the rows' sequences count in */
  async write(buffer: RowBuffer, stream: string): Promise<void> {
    const parts = buffer.parts();
    // The rows are never committed: deleted rows of a committed table would keep their memory.
    await this.connection.run("BEGIN TRANSACTION");
    try {
      await stageTexts(this.connection, buffer.dictionary);
      for (const part of parts) await stageNumbers(this.connection, part);
      await (await this.statementOf(parts, stream)).run();
    } finally {
      await this.connection.run("ROLLBACK");
    }
  }

  private async statementOf(parts: readonly KindRows[], stream: string): Promise<DuckDBPreparedStatement> {
    const key = [stream, ...parts.map(({ kind }) => kind)].join(" ");
    const known = this.statements.get(key);
    if (known !== undefined) return known;
    const selects = parts.map((part) => selectKind(part, stream)).join(" UNION ALL ");
    const made = await this.connection.prepare(`COPY (${selects}) TO ${quote(this.path)} ${PARQUET}`);
    this.statements.set(key, made);
    return made;
  }
}

/** Writes the result of a query to a Parquet file; resolves with the number of its rows. */
export async function writeQuery(connection: DuckDBConnection, query: string, path: string): Promise<number> {
  const copied = await connection.runAndReadAll(`COPY (${query}) TO ${quote(path)} ${PARQUET}`);
  return Number(copied.getRows()[0]![0]);
}

/** The result of a query as the bytes of a Parquet file. */
export async function queryBytes(connection: DuckDBConnection, query: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "retune-query-"));
  try {
    const path = join(folder, "result.parquet");
    await writeQuery(connection, query, path);
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Files as one relation with the columns of `HISTORY_COLUMNS`, in the order given. `mixed`: some were written
 * with another set of columns; what they lack is null. `numbered`: with `file_row_number`, the order of writing.
 */
export function relationOf(paths: readonly string[], mixed: boolean, numbered = false): string {
  const none = `SELECT ${HISTORY_COLUMNS.map(({ name, sql }) => `NULL::${sql} AS ${name}`).join(", ")} LIMIT 0`;
  if (paths.length === 0) return `(${none})`;
  const files = `[${paths.map(quote).join(", ")}]`;
  const numbers = numbered ? ", file_row_number = true" : "";
  if (!mixed) return `read_parquet(${files}${numbers})`;
  return `((${none}) UNION ALL BY NAME SELECT * FROM read_parquet(${files}, union_by_name = true${numbers}))`;
}

function selectKind({ kind, columns }: KindRows, stream: string): string {
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const cells = HISTORY_COLUMNS.map(({ name, sql }) => {
    if (name === "kind") return `${quote(kind)} AS kind`;
    if (name === "stream") return `${quote(stream)} AS stream`;
    const type = types.get(name);
    return `${type === undefined ? `NULL::${sql}` : typed(name, type)} AS ${name}`;
  });
  return `SELECT ${cells.join(", ")} FROM ${kind}_rows, (SELECT list(text) AS texts FROM dictionary)`;
}

/** SQL that gives a staged DOUBLE its type. NaN is null; code 0 has no text. */
function typed(name: string, type: ColumnType): string {
  if (type === "text" || type === "json") return `texts[${name}::INTEGER]`;
  const value = `(CASE WHEN isnan(${name}) THEN NULL ELSE ${name} END)`;
  if (type === "time") return `make_timestamp_ms(${value}::BIGINT)`;
  return type === "number" ? value : `${value}::${SQL_TYPES[type]}`;
}

async function stageTexts(connection: DuckDBConnection, texts: readonly string[]): Promise<void> {
  const { DuckDBDataChunk, VARCHAR } = await duckdb();
  const appender = await connection.createAppender("dictionary");
  for (let from = 0; from < texts.length; from += CHUNK_ROWS) {
    const slice = texts.slice(from, from + CHUNK_ROWS);
    const chunk = DuckDBDataChunk.create([VARCHAR], slice.length);
    chunk.setColumnValues(0, slice);
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

function stageNumbers(connection: DuckDBConnection, { kind, data, count }: KindRows): Promise<void> {
  return appendDoubles(connection, `${kind}_rows`, data, count);
}

/** Appends the first `count` of some columns to a table of as many DOUBLEs. */
export async function appendDoubles(
  connection: DuckDBConnection,
  table: string,
  columns: readonly Float64Array[],
  count = columns[0]?.length ?? 0,
): Promise<void> {
  const { DuckDBDataChunk, DOUBLE, DuckDBDoubleVector } = await duckdb();
  const appender = await connection.createAppender(table);
  const types = columns.map(() => DOUBLE);
  for (let from = 0; from < count; from += CHUNK_ROWS) {
    const length = Math.min(CHUNK_ROWS, count - from);
    const chunk = DuckDBDataChunk.create(types, length);
    for (const [c, column] of columns.entries()) {
      const vector = chunk.getColumnVector(c);
      if (!(vector instanceof DuckDBDoubleVector))
        throw new TypeError(`column ${c} of ${table} is no DOUBLE`);
      writeDoubles(vector, column.subarray(from, from + length));
    }
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

/** One copy of the whole array where the vector shows its memory, which its types do not; else value by value. */
function writeDoubles(
  vector: { setItem(index: number, value: number): void; flush(): void },
  values: Float64Array,
): void {
  const { items } = vector as { items?: unknown };
  if (items instanceof Float64Array && items.length === values.length) items.set(values);
  else for (const [i, value] of values.entries()) vector.setItem(i, value);
  vector.flush();
}
