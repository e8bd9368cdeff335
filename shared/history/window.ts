import { existsSync } from "node:fs";
import { InvalidInputError } from "../errors.ts";
import { doubles, quote, rows, withMemory } from "./duckdb.ts";

/** A fleet on one grid of steps. */
export interface FleetWindow {
  /** ascending, milliseconds since the epoch */
  readonly times: Float64Array;
  /** ascending by entity; values as many as times, NaN where there is none */
  readonly series: readonly { readonly entity: string; readonly values: Float64Array }[];
}

/** One entity of a fleet as it was observed. */
export interface EntityWindow extends Window {
  readonly entity: string;
}

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

/**
 * Reads the artifact of a fleet (Parquet with `entity`, `ts` and `value`, as `inference-buffer.window` makes it with
 * `entities: all`), each entity with its own times, ascending by entity. Rows without an entity are left out.
 *
 * @param mostRows of the whole; where there are more, each entity has its newest, an even share of that
 * @throws {InvalidInputError} naming the file when it is no such Parquet file
 */
export async function readEntityWindows(path: string, mostRows = Infinity): Promise<EntityWindow[]> {
  if (!existsSync(path)) throw new InvalidInputError(`window '${path}' is not there`);
  const from = `FROM read_parquet(${quote(path)}) WHERE entity IS NOT NULL`;
  try {
    return await withMemory(async (connection) => {
      const counted = await rows(
        connection,
        `SELECT entity, count(*)::DOUBLE AS n ${from} GROUP BY entity ORDER BY entity`,
      );
      const total = counted.reduce((sum, { n }) => sum + (n as number), 0);
      const share = total > mostRows ? Math.floor(mostRows / counted.length) : Infinity;
      const newest =
        share === Infinity
          ? ""
          : `QUALIFY row_number() OVER (PARTITION BY entity ORDER BY ts DESC) <= ${share}`;
      const sql = `SELECT epoch_us(ts) / 1000.0 AS t, value::DOUBLE AS v ${from} ${newest} ORDER BY entity, ts`;
      const [times, values] = await doubles(connection, sql);
      let at = 0;
      return counted.map(({ entity, n }) => {
        const begin = at;
        at += Math.min(n as number, share);
        return {
          entity: entity as string,
          times: times!.subarray(begin, at),
          values: values!.subarray(begin, at),
        };
      });
    });
  } catch (cause) {
    throw new InvalidInputError(`window '${path}' is no Parquet file with columns entity, ts and value`, {
      cause,
    });
  }
}

/**
 * Reads the dataset of a fleet: rows as `readEntityWindows`, whose times lie on one grid. The grid is every time that
 * any entity has.
 *
 * @throws as `readEntityWindows`
 */
export async function readFleetWindow(path: string): Promise<FleetWindow> {
  const entities = await readEntityWindows(path);
  const places = new Map<number, number>();
  for (const { times } of entities) for (const time of times) places.set(time, 0);
  const times = Float64Array.from(places.keys()).sort();
  times.forEach((time, place) => {
    places.set(time, place);
  });
  const series = entities.map(({ entity, times: own, values: observed }) => {
    const values = new Float64Array(times.length).fill(Number.NaN);
    own.forEach((time, i) => {
      values[places.get(time)!] = observed[i]!;
    });
    return { entity, values };
  });
  return { times, series };
}
