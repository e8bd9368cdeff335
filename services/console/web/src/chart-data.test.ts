import { describe, expect, it } from "vitest";
import { chartColumns } from "./chart-data.ts";

const day = (n: number) => Date.parse("2025-03-03T00:00:00Z") / 1000 + n * 86_400;
const truth = { t: [day(0), day(1)], v: [1, 2] };
const none = { t: [], v: [] };

describe("the columns of a chart", () => {
  it("share one time axis, and the forecast opens at the observation it was made from", () => {
    const forecast = {
      issued_at: "2025-03-04T00:00:00.000Z",
      t: [day(2), day(3)],
      mean: [3, 4],
      lower: [2, 2],
      upper: [4, 6],
    };
    const columns = chartColumns({
      truth,
      one_step: { t: [day(1), day(2)], v: [1.9, 2.9] },
      final_step: none,
      forecast,
    });
    expect(columns).toEqual([
      [day(0), day(1), day(2), day(3)],
      [1, 2, null, null],
      [null, 1.9, 2.9, null],
      [null, 2, 3, 4],
      [null, 2, 2, 2],
      [null, 2, 4, 6],
    ]);
  });

  it("are empty where nothing is known, and stand alone where the forecast is older than the window", () => {
    expect(chartColumns({ truth: none, one_step: none, final_step: none, forecast: null })).toEqual([
      [],
      [],
      [],
      [],
      [],
      [],
    ]);
    const old = { issued_at: "2020-01-01T00:00:00.000Z", t: [day(1)], mean: [5], lower: [4], upper: [6] };
    expect(chartColumns({ truth, one_step: none, final_step: none, forecast: old })[3]).toEqual([null, 5]);
  });
});
