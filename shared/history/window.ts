import { existsSync } from "node:fs";
import { InvalidInputError } from "../errors.ts";
import { doubles, quote, withMemory } from "./duckdb.ts";

/** One series: `times` in milliseconds since the epoch, ascending, and the value at each; equally long. */
export interface Window {
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/**
 * Reads a window artifact (Parquet with `ts` and `value`, as `inference-buffer.window` makes it). Empty
 * windows are empty arrays.
 *
 * @throws {InvalidInputError} naming the file when it is no such Parquet file
 */
export async function readWindow(path: string): Promise<Window> {
  if (!existsSync(path)) throw new InvalidInputError(`window '${path}' is not there`);
  const sql = `SELECT epoch_us(ts) / 1000.0 AS t, value::DOUBLE AS v FROM read_parquet(${quote(path)}) ORDER BY ts`;
  try {
    const [times, values] = await withMemory((connection) => doubles(connection, sql));
    return { times: times!, values: values! };
  } catch (cause) {
    throw new InvalidInputError(`window '${path}' is no Parquet file with columns ts and value`, { cause });
  }
}
