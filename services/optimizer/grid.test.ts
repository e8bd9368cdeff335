import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StepGrid } from "../../shared/forecasting/quantile-forecast.ts";
import { withMemory } from "../../shared/history/duckdb.ts";
import { writeQuery } from "../../shared/history/parquet.ts";
import { readWindow } from "../../shared/history/window.ts";
import { gridQuery } from "./grid.ts";
import { DAY_MS, type Row, windowBytes } from "./search.fixture.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-grid-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function grid(
  rows: readonly Row[],
  { stepMs = DAY_MS, calendar = "all" as StepGrid["calendar"] } = {},
) {
  const from = join(folder, "it's.parquet");
  const to = join(folder, "gridded.parquet");
  await writeFile(from, await windowBytes(rows));
  await withMemory((connection) => writeQuery(connection, gridQuery(from, { stepMs, calendar }), to));
  return readWindow(to);
}

const MONDAY = Date.parse("2024-01-01T15:00:00Z");
const at = (day: number, hours = 0): number => MONDAY + day * DAY_MS + hours * 3_600_000;

describe("the grid of steps", () => {
  it.each<[string, Row[], (number | null)[]]>([
    [
      "keeps a regular series as it is",
      [
        [at(0), 1],
        [at(1), 2],
        [at(2), 3],
      ],
      [1, 2, 3],
    ],
    [
      "marks a step without a value as missing",
      [
        [at(0), 1],
        [at(3), 4],
      ],
      [1, null, null, 4],
    ],
    [
      "takes the newest of several on one step",
      [
        [at(0), 1],
        [at(1, -3), 8],
        [at(1, 2), 9],
        [at(2), 3],
      ],
      [1, 9, 3],
    ],
    [
      "forgives an hour of daylight saving",
      [
        [at(0, -1), 1],
        [at(1, -1), 2],
        [at(2), 3],
        [at(3), 4],
      ],
      [1, 2, 3, 4],
    ],
    [
      "leaves out values that are no numbers",
      [
        [at(0), 1],
        [at(1), Number.NaN],
        [at(2), 3],
      ],
      [1, null, 3],
    ],
    ["is empty for an empty window", [], []],
    ["has one step for one value", [[at(0), 5]], [5]],
  ])("%s", async (_, rows, expected) => {
    const { values } = await grid(rows);
    expect([...values].map((value) => (Number.isNaN(value) ? null : value))).toEqual(expected);
  });

  it("has no weekends on a weekday calendar, and a holiday is missing", async () => {
    const rows: Row[] = [0, 1, 3, 4, 5, 7, 8].map((day) => [at(day), day]);
    const { times, values } = await grid(rows, { calendar: "weekdays" });
    expect([...values]).toEqual([0, 1, Number.NaN, 3, 4, 7, 8]);
    expect([...times].map((time) => (time - MONDAY) / DAY_MS)).toEqual([0, 1, 2, 3, 4, 7, 8]);
  });

  it("works for steps of minutes", async () => {
    const minute = 60_000;
    const rows: Row[] = [0, 1.2, 1.9, 4].map((minutes) => [MONDAY + minutes * 5 * minute, minutes]);
    const { values } = await grid(rows, { stepMs: 5 * minute });
    expect([...values]).toEqual([0, 1.2, 1.9, Number.NaN, 4]);
  });
});
