import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { quote, rows, withMemory } from "./duckdb.ts";
import { relationOf } from "./parquet.ts";
import { HISTORY_COLUMNS } from "./schema.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-parquet-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("files of an earlier schema have every column of today's, null where they had none, in the order given", async () => {
  const paths = [join(folder, "b.parquet"), join(folder, "a.parquet")];
  const [found, columns] = await withMemory(async (connection) => {
    for (const [i, path] of paths.entries()) {
      const old = `SELECT 'score' AS kind, ${i}::UBIGINT AS seq, 0.5 AS error, 'x' AS forgotten`;
      await connection.run(
        `COPY (${i === 0 ? old : `${old}, 2.5 AS pinball`}) TO ${quote(path)} (FORMAT parquet)`,
      );
    }
    const relation = relationOf(paths, true);
    return [
      await rows(
        connection,
        `SELECT seq::INTEGER AS seq, error::DOUBLE AS error, pinball FROM ${relation} WHERE kind = 'score'`,
      ),
      await rows(connection, `DESCRIBE SELECT * FROM ${relation}`),
    ];
  });
  expect(found).toEqual([
    { seq: 0, error: 0.5, pinball: null },
    { seq: 1, error: 0.5, pinball: 2.5 },
  ]);
  const names = HISTORY_COLUMNS.map(({ name }) => name);
  expect(columns.map((each) => each.column_name).slice(0, names.length)).toEqual(names);
});
