import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withMemory } from "./duckdb.ts";
import { writeQuery } from "./parquet.ts";
import { readEntityWindows, readFleetWindow } from "./window.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-window-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A window of rows (entity, millisecond, value). */
async function written(rows: readonly (readonly [string | null, number, number | null])[]): Promise<string> {
  const path = join(folder, "it's.parquet");
  const values = rows.map(
    ([entity, ms, value]) =>
      `(${entity === null ? "NULL" : `'${entity}'`}, make_timestamp_ms(${ms}), ${value ?? "NULL"}::DOUBLE)`,
  );
  const query = `SELECT * FROM (VALUES ${values.join(", ")}) AS rows (entity, ts, value)`;
  await withMemory((connection) => writeQuery(connection, query, path));
  return path;
}

describe("the window of a fleet (C-DAT-1)", () => {
  it("has every entity on one grid, NaN where it has no value", async () => {
    const path = await written([
      ["b", 2, 20],
      ["a", 1, 1],
      [null, 9, 9],
      ["a", 3, null],
      ["b", 3, 30],
    ]);
    const { times, series } = await readFleetWindow(path);
    expect([...times]).toEqual([1, 2, 3]);
    expect(series.map(({ entity, values }) => [entity, [...values]])).toEqual([
      ["a", [1, Number.NaN, Number.NaN]],
      ["b", [Number.NaN, 20, 30]],
    ]);
  });

  it("is read in part where it is too large: the newest of each entity, as many of each", async () => {
    const hours = Array.from({ length: 10 }, (_, ms) => ms);
    const path = await written([
      ...hours.map((ms) => ["a", ms, ms] as const),
      ...hours.map((ms) => ["b", ms, -ms] as const),
      ["c", 5, 5],
    ]);
    const found = await readEntityWindows(path, 9);
    expect(found.map(({ entity, times, values }) => [entity, [...times], [...values]])).toEqual([
      ["a", [7, 8, 9], [7, 8, 9]],
      ["b", [7, 8, 9], [-7, -8, -9]],
      ["c", [5], [5]],
    ]);
    expect((await readEntityWindows(path)).map(({ values }) => values.length)).toEqual([10, 10, 1]);
  });

  it("that is none is refused by its name", async () => {
    const path = join(folder, "broken.parquet");
    await writeFile(path, "PAR1");
    await expect(readFleetWindow(path)).rejects.toThrow(/broken\.parquet.*entity, ts and value/);
    await expect(readFleetWindow(join(folder, "none.parquet"))).rejects.toThrow(/none\.parquet.*not there/);
  });
});
