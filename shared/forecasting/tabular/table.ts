import { InvalidInputError } from "../../errors.ts";

/** Rows of numbers, stored by column: what tabular models are fitted to. */
export interface Table {
  /** of the columns, unique */
  readonly names: readonly string[];
  /** one per name, [rows]; NaN for missing */
  readonly columns: readonly Float32Array[];
  readonly rows: number;
}

/**
 * A table of columns by name.
 *
 * @throws {InvalidInputError} for no columns, or columns of unequal length
 */
export function tableOf(columns: Readonly<Record<string, ArrayLike<number>>>): Table {
  const names = Object.keys(columns);
  const [first] = names;
  if (first === undefined) throw new InvalidInputError("table: it has no columns, expected at least one");
  const rows = columns[first]!.length;
  const odd = names.find((name) => columns[name]!.length !== rows);
  if (odd !== undefined)
    throw new InvalidInputError(
      `table: column '${odd}' has ${columns[odd]!.length} rows, expected ${rows} as '${first}'`,
    );
  return { names, columns: names.map((name) => Float32Array.from(columns[name]!)), rows };
}

/** The rows from `from` up to but without `to`, without copies. */
export function sliceRows({ names, columns, rows }: Table, from: number, to = rows): Table {
  return { names, columns: columns.map((column) => column.subarray(from, to)), rows: to - from };
}

/** The given rows, in the given order. */
export function pickRows({ names, columns }: Table, rows: Int32Array): Table {
  const pick = (column: Float32Array) => Float32Array.from(rows, (row) => column[row]!);
  return { names, columns: columns.map(pick), rows: rows.length };
}

/** The columns of these names, in their order, without copies. @throws {InvalidInputError} for one that it has not */
export function pickColumns({ names, columns, rows }: Table, wanted: readonly string[]): Table {
  const pick = (name: string) => {
    const column = columns[names.indexOf(name)];
    if (column === undefined)
      throw new InvalidInputError(`table: there is no column '${name}', expected one of ${names.join(", ")}`);
    return column;
  };
  return { names: wanted, columns: wanted.map(pick), rows };
}

/** Row-major copy, [rows, columns], as ONNX graphs take it. */
export function rowMajor({ columns, rows }: Pick<Table, "columns" | "rows">): Float32Array {
  const width = columns.length;
  const result = new Float32Array(rows * width);
  columns.forEach((column, f) => {
    for (let row = 0; row < rows; row += 1) result[row * width + f] = column[row]!;
  });
  return result;
}
