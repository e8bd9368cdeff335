import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withMemory } from "../../../shared/history/duckdb.ts";
import { writeQuery } from "../../../shared/history/parquet.ts";
import { readPoints } from "./file.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-file-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};
const plain = { metric: "value", bounds: {} };
const MAY = (day: number) => Date.UTC(2025, 4, day);

describe("observations from a file", () => {
  it("takes times and values in order, the last of a time, and leaves out what is none", async () => {
    const path = await file(
      "rates.csv",
      "date,value\n2025-05-03,3\n2025-05-01,1\n2025-05-02,\n2025-05-04,nan\n2025-05-05,inf\n2025-05-03,4\n",
    );
    expect(await readPoints(path, plain)).toEqual({ times: [MAY(1), MAY(3)], values: [1, 4] });
  });

  it("takes the metric, the entity and the bounds of the spec", async () => {
    const path = await file(
      "fleet.csv",
      "ts,entity,cpu,value\n2025-05-01T00:00:00Z,a'b,5,0\n2025-05-01T00:00:00Z,c,6,0\n2025-05-02T00:00:00Z,a'b,500,0\n",
    );
    const points = await readPoints(path, { metric: "cpu", entity: "a'b", bounds: { max: 100 } });
    expect(points).toEqual({ times: [MAY(1)], values: [5] });
  });

  it("reads Parquet", async () => {
    const path = join(folder, "days.parquet");
    await withMemory((connection) =>
      writeQuery(connection, "SELECT TIMESTAMP '2025-05-01' AS ts, 7.5 AS value", path),
    );
    expect(await readPoints(path, plain)).toEqual({ times: [MAY(1)], values: [7.5] });
  });

  it.each([
    ["absent.csv", null, /absent.csv' is not there/],
    ["other.csv", "when,rate\n2025-05-01,1\n", /no column ts or time or .*its columns are when, rate/],
    ["broken.parquet", "no parquet at all", /broken.parquet' is no Parquet file/],
  ])("%s is refused by name", async (name, text, told) => {
    const path = text === null ? join(folder, name) : await file(name, text);
    await expect(readPoints(path, plain)).rejects.toThrow(told);
  });
});
