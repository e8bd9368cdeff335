import { existsSync } from "node:fs";
import type { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { explain, InvalidInputError } from "../../../shared/errors.ts";
import type { Points } from "../../../shared/forecasting/context.ts";
import { doubles, quote, rows, withMemory } from "../../../shared/history/duckdb.ts";

/** Names under which a file may hold its times, in the order they are looked for. */
const TIME_COLUMNS = ["ts", "time", "timestamp", "date", "datetime"];

/**
 * Observations of a forecaster from a CSV or Parquet file: a column of times (`ts`, `time`, `timestamp`, `date` or
 * `datetime`, read as UTC), one named as the spec's metric (or `value`), and `entity` where the spec names one.
 * Rows without a time or a finite value are left out; of rows with the same time the last one counts.
 *
 * @throws {InvalidInputError} naming the file and the column that is missing, or what DuckDB could not read
 */
export async function readPoints(
  path: string,
  spec: Pick<ForecasterSpec, "metric" | "entity" | "bounds">,
): Promise<Points> {
  if (!existsSync(path)) throw new InvalidInputError(`'${path}' is not there`);
  const reader = /\.parquet$/i.test(path) ? "read_parquet" : "read_csv";
  const relation = `${reader}(${quote(path)})`;
  return withMemory(async (connection) => {
    await connection.run("SET TimeZone = 'UTC'"); // or a time with an offset is cast to the machine's zone
    const unreadable = (cause: unknown) => {
      throw new InvalidInputError(
        `'${path}' is no ${reader === "read_csv" ? "CSV" : "Parquet"} file: ${explain(cause)}`,
      );
    };
    const described = await rows(connection, `DESCRIBE SELECT * FROM ${relation}`).catch(unreadable);
    const columns = described.map((row) => String(row.column_name));
    const named = (wanted: readonly string[]) =>
      wanted.map((name) => columns.find((each) => each.toLowerCase() === name.toLowerCase())).find(Boolean);
    const need = (wanted: readonly string[]): string => {
      const found = named(wanted);
      if (found !== undefined) return `"${found.replaceAll('"', '""')}"`;
      throw new InvalidInputError(
        `'${path}' has no column ${wanted.join(" or ")}; its columns are ${columns.join(", ")}`,
      );
    };
    const time = need(TIME_COLUMNS);
    const value = need([spec.metric, "value"]);
    const entity = spec.entity === undefined ? "" : `AND ${need(["entity"])} = ${quote(spec.entity)}`;
    const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = spec.bounds;
    const sql = `
      SELECT epoch_ms(t)::DOUBLE AS t, last(v ORDER BY n) AS v FROM (
        SELECT try_cast(${time} AS TIMESTAMP) AS t, try_cast(${value} AS DOUBLE) AS v, row_number() OVER () AS n
        FROM ${relation} WHERE true ${entity}
      ) WHERE t IS NOT NULL AND isfinite(v) AND v BETWEEN ${min} AND ${max}
      GROUP BY t ORDER BY t`;
    const [times, values] = await doubles(connection, sql).catch(unreadable);
    return { times: Array.from(times!), values: Array.from(values!) };
  });
}
