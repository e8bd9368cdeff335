import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { uniformAt } from "../random.ts";
import { calendarFields, calendarValue, timesAfter, timesUpTo } from "./calendar.ts";
import { suspectFeatures } from "./leakage.ts";
import { describeCutoff, type FeaturePlan, featureNames, reachOf, writeRow } from "./series-features.ts";
import { pickColumns, pickRows, rowMajor, sliceRows, tableOf } from "./table.ts";
import { encode, fitTargetEncoder, statisticRows } from "./target-encoder.ts";

const plan: FeaturePlan = {
  lags: 2,
  changes: 2,
  windows: [3, 5],
  seasonLength: 4,
  calendar: ["hour", "weekday"],
};
const MONDAY = Date.UTC(2026, 0, 5);
const HOUR = 3_600_000;

function rowOf(past: ArrayLike<number>, step: number, targetMs = MONDAY): Record<string, number> {
  const names = featureNames(plan);
  const row = new Float32Array(names.length);
  writeRow(describeCutoff(Float32Array.from(past), plan)!, plan, step, targetMs, row);
  return Object.fromEntries(names.map((name, i) => [name, row[i]!]));
}

describe("features of a series (B-TRN-2)", () => {
  const past = [10, 20, 30, 20, 12, 22, 32, 22];
  // Changes are 10, 10, −10, −8, 10, 10, −10.
  const scale = 68 / 7;

  it("are lags, changes, windows, season and calendar in scales about the last value", () => {
    const row = rowOf(past, 3, MONDAY + 5 * HOUR);
    const scaled = (value: number) => Math.fround((value - 22) / scale);
    expect(row).toEqual({
      step_ahead: 3,
      season_last: scaled(32),
      season_mean: scaled(31),
      // From 20 to 32; what the season before began with is not known.
      season_change: Math.fround(12 / scale),
      hour: 5,
      weekday: 1,
      lag_1: scaled(32),
      lag_2: scaled(22),
      change_0: Math.fround(-10 / scale),
      change_1: Math.fround(10 / scale),
      mean_3: Math.fround((76 / 3 - 22) / scale),
      std_3: Math.fround(Math.sqrt(200 / 9) / scale),
      min_3: 0,
      max_3: scaled(32),
      mean_5: Math.fround((108 / 5 - 22) / scale),
      std_5: expect.closeTo(Math.sqrt(40.64) / scale, 5),
      min_5: scaled(12),
      max_5: scaled(32),
      // 22 above 20, one season before; of the whole season also 32 above 30, 22 above 20 and 12 above 10.
      season_gap_1: Math.fround(2 / scale),
      season_gap_4: Math.fround(2 / scale),
    });
  });

  it("of a season further ahead than it is long come from its last whole one", () => {
    expect(rowOf(past, 7)).toMatchObject({ season_last: Math.fround(10 / scale) });
  });

  it("are the same for a series of another size", () => {
    const bigger = rowOf(
      past.map((value) => 1000 * value + 5000),
      2,
    );
    for (const [name, value] of Object.entries(rowOf(past, 2))) expect(bigger[name]).toBeCloseTo(value, 4);
  });

  it("are missing where the past or the time is not known", () => {
    const row = rowOf([1, Number.NaN, 3], 1, Number.NaN);
    const missing = Object.keys(row).filter((name) => Number.isNaN(row[name]));
    const season = ["season_last", "season_mean", "season_change"];
    const gaps = ["season_gap_1", "season_gap_4"];
    expect(missing).toEqual([...season, "hour", "weekday", "lag_1", "change_0", "change_1", ...gaps]);
    expect(describeCutoff(new Float32Array(9).fill(Number.NaN), plan)).toBeNull();
  });

  it("see no further back than they reach", () => {
    expect(reachOf(plan)).toBe(20);
    const near = Array.from({ length: 20 }, (_, t) => uniformAt(1, t));
    expect(rowOf([...near.map((value) => -9 * value), ...near], 2)).toEqual(rowOf(near, 2));
  });

  it("of a constant past are 0 in scales of 1, whatever is missing", () => {
    const {
      level,
      scale: unit,
      features,
    } = describeCutoff(Float32Array.of(5, Number.NaN, 5, Number.NaN), plan)!;
    expect([level, unit]).toEqual([5, 1]);
    expect(features.every((value) => Number.isNaN(value) || value === 0)).toBe(true);
  });
});

describe("calendar", () => {
  it.each<[string, number, number, string[]]>([
    ["a week of minutes", 60_000, 7, ["minute", "hour"]],
    ["three weeks of hours", HOUR, 21, ["hour", "weekday"]],
    ["three months of days", 24 * HOUR, 92, ["weekday", "day_of_month"]],
    ["three years of days", 24 * HOUR, 1096, ["weekday", "day_of_month", "month"]],
    ["three years of weeks", 7 * 24 * HOUR, 1096, ["day_of_month", "month"]],
  ])("%s: fields that come round twice", (_, stepMs, days, fields) => {
    expect(calendarFields({ stepMs, calendar: "all" }, days * 24 * HOUR)).toEqual(fields);
  });

  it("reads times in UTC", () => {
    const at = Date.UTC(2026, 1, 28, 23, 59);
    expect(
      ["minute", "hour", "weekday", "day_of_month", "month"].map((field) =>
        calendarValue(field as "hour", at),
      ),
    ).toEqual([59, 23, 6, 28, 2]);
  });

  it("skips weekends both ways on a grid of weekdays", () => {
    const grid = { stepMs: 24 * HOUR, calendar: "weekdays" } as const;
    const friday = MONDAY - 3 * 24 * HOUR;
    expect([...timesAfter(friday, 2, grid)]).toEqual([MONDAY, MONDAY + 24 * HOUR]);
    expect([...timesUpTo(MONDAY, 2, grid)]).toEqual([friday, MONDAY]);
  });
});

describe("target encoding (C-TRN-1)", () => {
  const categories = ["a", "b", "a", "b", "a", "b", "a", "a", "a", "b"];
  const times = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

  it("takes statistics from the oldest fifth of each category, ties included", () => {
    expect([...statisticRows(categories, times)]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect([...statisticRows(["a", "a", "a", "a"], [5, 1, 1, 9])]).toEqual([0, 1, 1, 0]);
  });

  it("knows no target of a row that a model is fitted to", () => {
    const rows = statisticRows(categories, times);
    const targets = [4, 8, 2, 0, 0, 0, 0, 0, 0, 0];
    const spoilt = targets.map((target, row) => (rows[row] === 1 ? target : 1e9));
    const encoder = fitTargetEncoder("entity", categories, targets, rows);
    expect(fitTargetEncoder("entity", categories, spoilt, rows)).toEqual(encoder);
    const prior = Math.fround(14 / 3);
    expect(encoder.prior).toBe(prior);
    expect([...encoder.values]).toEqual([(6 + 20 * prior) / 22, (8 + 20 * prior) / 21].map(Math.fround));
  });

  it("gives categories never seen the prior", () => {
    const encoder = { name: "entity", vocabulary: ["a"], values: Float32Array.of(3), prior: 7 };
    expect([...encode(encoder, ["a", "z", ""])]).toEqual([3, 7, 7]);
  });

  it("keeps what a parent knows and appends the rest in order of names", () => {
    const parent = { name: "entity", vocabulary: ["z", "b"], values: Float32Array.of(1, 2), prior: 5 };
    const rows = Uint8Array.of(1, 1, 1);
    const child = fitTargetEncoder("entity", ["d", "b", "c"], [26, 0, 5], rows, parent);
    expect(child).toEqual({
      name: "entity",
      vocabulary: ["z", "b", "c", "d"],
      values: Float32Array.of(1, 2, 5, 6),
      prior: 5,
    });
  });
});

describe("a feature that is the label", () => {
  const rows = 200;
  const label = Array.from({ length: rows }, (_, i) => (uniformAt(1, i) > 0.7 ? 1 : 0));
  const value = Array.from({ length: rows }, (_, i) => uniformAt(2, i));
  const noise = Array.from({ length: rows }, (_, i) => uniformAt(3, i));
  const honest = label.map((each, i) => each + 3 * noise[i]!);

  it.each<[string, number[], number[], string[]]>([
    ["a copy of two classes", label, label, ["copy"]],
    ["its opposite in another unit", label, label.map((each) => 40 - 7 * each), ["copy"]],
    ["a number that parts the classes", label, label.map((each, i) => each + 0.9 * noise[i]!), ["copy"]],
    ["a monotone function of a number", value, value.map((each) => Math.exp(5 * each)), ["copy"]],
    ["a copy with holes", value, value.map((each, i) => (i % 3 === 0 ? Number.NaN : each)), ["copy"]],
    ["the return whose sign is the label", value.map((each) => (each > 0.4 ? 1 : 0)), value, ["copy"]],
    ["an honest feature", label, honest, []],
    ["a number foretold very well", value, value.map((each, i) => each + 0.01 * noise[i]!), []],
    ["a constant", label, label.map(() => 1), []],
    ["nothing but missing values", label, label.map(() => Number.NaN), []],
  ])("%s", (_, labels, copy, suspects) => {
    const table = tableOf({ noise, copy });
    expect(suspectFeatures(table, labels).map(({ feature }) => feature)).toEqual(suspects);
  });

  it("strength of two classes is 2 |AUC − ½|, counted pair by pair", () => {
    const leaky = label.map((each, i) => each + 1.05 * noise[i]!);
    const ones = leaky.filter((_, i) => label[i] === 1);
    const zeros = leaky.filter((_, i) => label[i] === 0);
    const above = ones.reduce((sum, one) => sum + zeros.filter((zero) => zero < one).length, 0);
    const auc = above / (ones.length * zeros.length);
    expect(auc).toBeLessThan(1);
    const [suspect] = suspectFeatures(tableOf({ leaky }), label);
    expect(suspect!.strength).toBeCloseTo(2 * auc - 1, 6);
  });
});

describe("tables", () => {
  const table = tableOf({ a: [1, 2, 3], b: [4, 5, 6] });

  it("are sliced, picked and laid out by row", () => {
    expect([...sliceRows(table, 1).columns[1]!]).toEqual([5, 6]);
    expect([...rowMajor(pickRows(table, Int32Array.of(2, 0)))]).toEqual([3, 6, 1, 4]);
  });

  it("give up columns by name, in the order asked for", () => {
    expect(pickColumns(table, ["b", "a"])).toEqual(tableOf({ b: [4, 5, 6], a: [1, 2, 3] }));
    expect(() => pickColumns(table, ["c"])).toThrow(/no column 'c', expected one of a, b/);
  });

  it.each<[string, Record<string, number[]>, RegExp]>([
    ["no columns", {}, /no columns/],
    ["unequal columns", { a: [1], b: [1, 2] }, /column 'b' has 2 rows, expected 1 as 'a'/],
  ])("of %s are refused", (_, columns, message) => {
    expect(() => tableOf(columns)).toThrow(InvalidInputError);
    expect(() => tableOf(columns)).toThrow(message);
  });
});
