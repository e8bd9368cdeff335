import { describe, expect, it } from "vitest";
import type { TrainingSeries } from "../family.ts";
import { uniformAt } from "../random.ts";
import type { FeaturePlan } from "../tabular/series-features.ts";
import { isProven } from "./proof.ts";
import { stepScales } from "./scaled-target.ts";
import { spreadFactor } from "./spread.ts";
import { type RowsRequest, type TrainingRows, trainingRows } from "./training-rows.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const plan: FeaturePlan = { lags: 3, changes: 2, windows: [4, 12], seasonLength: 6, calendar: ["hour"] };

function series(entity: string | null, steps: number, seed: number): TrainingSeries {
  const values = Float64Array.from({ length: steps }, (_, t) =>
    uniformAt(seed + 1, t) < 0.1 ? Number.NaN : 50 + uniformAt(seed, t) + Math.sin(t),
  );
  return { entity, values, endMs: START + (steps - 1) * HOUR };
}

function request(given: readonly TrainingSeries[], changes: Partial<RowsRequest> = {}): RowsRequest {
  const grid = { stepMs: HOUR, calendar: "all" } as const;
  const rest = { horizon: 5, contextLength: 40, maxRows: 1e9, fromMs: -Infinity, seed: 0 };
  return { series: given, grid, plan, ...rest, ...changes };
}

/** Each row of features as text, under its entity, cutoff and step. */
function byKey({ table, entities, cutoffTimes, steps }: TrainingRows): Map<string, string> {
  return new Map(
    entities.map((entity, row) => [
      `${entity} ${cutoffTimes[row]} ${steps[row]}`,
      table.columns.map((column) => column[row]).join(),
    ]),
  );
}

describe("training rows of series", () => {
  it.each([30, 61, 97])("do not change when values after their cutoff %i do: no look-ahead", (cutoff) => {
    const honest = [series("a", 120, 1), series("b", 90, 5)];
    const altered = honest.map((each) => ({
      ...each,
      values: each.values.map((value, t) => (t <= cutoff ? value : uniformAt(99, t) * 1e6)),
    }));
    const before = byKey(trainingRows(request(honest)));
    const after = byKey(trainingRows(request(altered)));
    const cutoffMs = START + cutoff * HOUR;
    let compared = 0;
    let changed = 0;
    for (const [key, row] of before) {
      const other = after.get(key);
      if (Number(key.split(" ")[1]) > cutoffMs) changed += other === row ? 0 : 1;
      else if (other !== undefined) {
        expect(other).toBe(row);
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(100);
    expect(changed).toBeGreaterThan(50);
  });

  it("are one for each observed target with a past, in order of their targets' times", () => {
    const { targetTimes, cutoffTimes, steps, table } = trainingRows(request([series("a", 50, 1)]));
    const values = series("a", 50, 1).values;
    const observedUpTo = (t: number) => values.slice(0, t + 1).filter((value) => !Number.isNaN(value)).length;
    let expected = 0;
    for (let t = 0; t < 50; t += 1)
      for (let h = 1; h <= 5 && t + h < 50; h += 1)
        if (observedUpTo(t) >= 4 && !Number.isNaN(values[t + h]!)) expected += 1;
    expect(table.rows).toBe(expected);
    targetTimes.forEach((time, row) => {
      expect(time).toBe(cutoffTimes[row]! + steps[row]! * HOUR);
      if (row > 0) expect(time).toBeGreaterThanOrEqual(targetTimes[row - 1]!);
    });
  });

  it("measure targets from each reference in scales of their cutoff", () => {
    const values = Float64Array.from({ length: 30 }, (_, t) => [1, 2, 3, 4, 5, 6][t % 6]! + 10);
    const { errors, steps } = trainingRows(request([{ entity: null, values, endMs: START }]));
    const last = steps.length - 1;
    // The last target is the season's highest value, whatever step it is ahead of its cutoff.
    expect(errors.season[last]).toBe(0);
    expect(errors.last[last]).toBeGreaterThan(0);
    expect(errors.mean[last]).toBeGreaterThan(0);
  });

  it("are drawn from long series, but every series keeps some", () => {
    const fleet = [series("long", 5000, 1), series("short", 40, 3)];
    const rows = trainingRows(request(fleet, { maxRows: 1000 }));
    expect(rows.table.rows).toBeGreaterThan(700);
    expect(rows.table.rows).toBeLessThan(1300);
    expect(rows.entities.filter((entity) => entity === "short").length).toBeGreaterThan(20);
    expect(trainingRows(request(fleet, { maxRows: 1000 }))).toEqual(rows);
    expect(trainingRows(request(fleet, { maxRows: 1000, seed: 1 }))).not.toEqual(rows);
  });

  it("are those with targets from a time on, when asked", () => {
    const fromMs = START + 80 * HOUR;
    const { targetTimes, cutoffTimes } = trainingRows(request([series("a", 100, 1)], { fromMs }));
    expect(Math.min(...targetTimes)).toBeGreaterThanOrEqual(fromMs);
    expect(Math.min(...cutoffTimes)).toBeLessThan(fromMs);
  });
});

describe("units of targets", () => {
  it("grow with the step ahead as the errors do", () => {
    const steps = Int32Array.from({ length: 4000 }, (_, i) => 1 + (i % 4));
    const errors = Float64Array.from(steps, (step, i) => (i % 8 < 4 ? step : -step));
    expect([...stepScales(4, steps, errors)]).toEqual([1, 2, 3, 4]);
  });

  it("are shared by steps with few rows, and 1 where nothing is ever wrong", () => {
    expect([...stepScales(3, Int32Array.of(1, 2, 3), Float64Array.of(1, 2, 3))]).toEqual([2, 2, 2]);
    expect([...stepScales(2, Int32Array.of(1, 2), new Float64Array(2))]).toEqual([1, 1]);
  });

  it("quantiles half as wide as the errors are spread by two", () => {
    const levels = [0.1, 0.5, 0.9];
    const labels = Float64Array.from({ length: 2001 }, (_, i) => (i - 1000) / 1000);
    const scores = [-0.4, 0, 0.4].map((value) => new Float64Array(2001).fill(value));
    expect(spreadFactor(levels, scores, labels)).toBeCloseTo(2, 0.5);
    const exact = [-0.8, 0, 0.8].map((value) => new Float64Array(2001).fill(value));
    expect(spreadFactor(levels, exact, labels)).toBe(1);
  });
});

describe("proof that trees are worth more than none", () => {
  const rows = 1000;
  const noise = (key: number) => Float64Array.from({ length: rows }, (_, i) => uniformAt(key, i) - 0.5);
  const labels = noise(1).map((each, i) => each + Math.sin(i / 3));
  const nothing = [new Float64Array(rows)];

  it.each<[string, Float64Array, boolean]>([
    ["a signal that is there", Float64Array.from({ length: rows }, (_, i) => Math.sin(i / 3)), true],
    ["the opposite of it", Float64Array.from({ length: rows }, (_, i) => -Math.sin(i / 3)), false],
    ["nothing new", new Float64Array(rows), false],
    ["luck in one tenth of the time", labels.map((label, i) => (i < 100 ? label : 0)), false],
  ])("%s", (_, scores, proven) => {
    expect(isProven({ kind: "l2" }, labels, nothing, [scores])).toBe(proven);
  });
});
