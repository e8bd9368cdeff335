import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StepGrid } from "../../shared/forecasting/quantile-forecast.ts";
import { withMemory } from "../../shared/history/duckdb.ts";
import { writeQuery } from "../../shared/history/parquet.ts";
import { readFleetWindow } from "../../shared/history/window.ts";
import { fleetGridQuery } from "./fleet-grid.ts";

const HOUR_MS = 3_600_000;
/** A Friday. */
const START = Date.parse("2024-01-05T12:00:00Z");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "retune-fleet-grid-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Row = readonly [entity: string | null, steps: number, value: number];

async function grid(observed: readonly Row[], { stepMs, calendar }: StepGrid) {
  const [from, to] = [join(folder, "it's.parquet"), join(folder, "gridded.parquet")];
  const values = observed.map(([entity, steps, value]) => {
    const ms = Math.round(START + steps * stepMs);
    return `(${entity === null ? "NULL" : `'${entity}'`}, make_timestamp_ms(${ms}), ${value}::DOUBLE)`;
  });
  await withMemory(async (connection) => {
    const rows = `SELECT * FROM (VALUES ${values.join(", ")}) AS rows (entity, ts, value)`;
    await writeQuery(connection, rows, from);
    await writeQuery(connection, fleetGridQuery(from, { stepMs, calendar }), to);
  });
  const { times, series } = await readFleetWindow(to);
  return {
    steps: [...times].map((time) => (time - START) / stepMs),
    series: Object.fromEntries(series.map(({ entity, values: own }) => [entity, [...own]])),
  };
}

const hourly: StepGrid = { stepMs: HOUR_MS, calendar: "all" };
const _ = Number.NaN;

describe("the grid of a fleet (C-DAT-1)", () => {
  it.each<[string, Row[], { steps: number[]; series: Record<string, number[]> }]>([
    [
      "is one grid for entities that report at other seconds",
      [
        ["a", 0, 1],
        ["a", 1, 2],
        ["b", 0.3, 5],
        ["b", 1.2, 6],
        ["a", 2, 3],
      ],
      { steps: [0, 1, 2], series: { a: [1, 2, 3], b: [5, 6, _] } },
    ],
    [
      "has the steps that the whole fleet missed, and nothing before an entity joined",
      [
        ["a", 0, 1],
        ["b", 3, 5],
        ["a", 4, 2],
      ],
      { steps: [0, 1, 2, 3, 4], series: { a: [1, _, _, _, 2], b: [_, _, _, 5, _] } },
    ],
    [
      "takes the newest of several on one step and leaves out who has no name",
      [
        ["a", -0.2, 1],
        ["a", 0.1, 2],
        [null, 0, 9],
        ["a", 1, 3],
      ],
      { steps: [0, 1], series: { a: [2, 3] } },
    ],
  ])("%s", async (_name, observed, expected) => {
    expect(await grid(observed, hourly)).toEqual(expected);
  });

  it("has no weekends on a weekday calendar", async () => {
    const observed = [0, 1, 3, 4].map((day): Row => ["a", day, day]);
    const { steps, series } = await grid(observed, { stepMs: 24 * HOUR_MS, calendar: "weekdays" });
    expect(steps).toEqual([0, 3, 4]);
    expect(series).toEqual({ a: [0, 3, 4] });
  });
});
