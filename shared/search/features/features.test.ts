import { describe, expect, it } from "vitest";
import { normalQuantile } from "../../forecasting/normal.ts";
import { uniform } from "../../forecasting/random.ts";
import { sliceRows, type Table, tableOf } from "../../forecasting/tabular/table.ts";
import { eliminateFeatures } from "./eliminate.ts";
import { timeOrderedFolds } from "./folds.ts";
import { blockPermutation, type FeatureStudy, type Fit, permutationImportance } from "./importance.ts";
import { screenConstants, screenFeatures } from "./screen.ts";

const ROWS = 400;
const noise = (column: number) =>
  Float64Array.from({ length: ROWS }, (_, row) => normalQuantile(uniform(11, column, row)));
const [strong, weak, ...idle] = Array.from({ length: 8 }, (_, column) => noise(column)) as [
  Float64Array,
  Float64Array,
  ...Float64Array[],
];
const labels = noise(99).map((each, row) => 3 * strong[row]! + weak[row]! + 0.5 * each);
const features = tableOf({
  ...Object.fromEntries(idle.map((column, i) => [`idle${i}`, column])),
  strong,
  weak,
});
const hours = Float64Array.from({ length: ROWS }, (_, row) => row);

/** Least squares on the columns, by coordinate descent: enough of a model to see which of them matter. */
const leastSquares: Fit = (train, targets) => {
  const weights = train.columns.map(() => 0);
  const rest = Float64Array.from(targets);
  for (let sweep = 0; sweep < 20; sweep += 1)
    train.columns.forEach((column, f) => {
      const step = dot(column, rest) / dot(column, column);
      weights[f]! += step;
      rest.forEach((value, row) => {
        rest[row] = value - step * column[row]!;
      });
    });
  return (table: Table) =>
    Array.from({ length: table.rows }, (_, row) =>
      table.columns.reduce((sum, column, f) => sum + weights[f]! * column[row]!, 0),
    );
};
const meanSquare: FeatureStudy["loss"] = (actual, predicted) =>
  actual.reduce((sum, value, row) => sum + (value - predicted[row]!) ** 2, 0) / actual.length;
const study: FeatureStudy = {
  features,
  labels,
  folds: timeOrderedFolds(hours, hours, 4),
  fit: leastSquares,
  loss: meanSquare,
  blockLength: 5,
  repeats: 3,
  seed: 1,
};

describe("folds in order of time (B-TRN-3)", () => {
  it("fit on what was known when their test rows began", () => {
    const knownAt = hours.map((hour) => hour + 24);
    expect(timeOrderedFolds(hours, knownAt, 3)).toEqual([
      { trainTo: 77, testFrom: 100, testTo: 200 },
      { trainTo: 177, testFrom: 200, testTo: 300 },
      { trainTo: 277, testFrom: 300, testTo: 400 },
    ]);
  });

  it("keep rows of one time, as those of a fleet, together", () => {
    const times = hours.map((hour) => Math.floor(hour / 30));
    for (const { trainTo, testFrom } of timeOrderedFolds(times, times, 4)) {
      expect(testFrom % 30).toBe(0);
      expect(trainTo).toBe(testFrom);
    }
  });

  it("leave the earliest out when told, which may then be too small", () => {
    const knownAt = hours.map((hour) => hour + 120);
    expect(() => timeOrderedFolds(hours, knownAt, 3)).toThrow(/fold 1 has 0 rows/);
    expect(timeOrderedFolds(hours, knownAt, 3, 1)).toEqual([
      { trainTo: 81, testFrom: 200, testTo: 300 },
      { trainTo: 181, testFrom: 300, testTo: 400 },
    ]);
  });

  it.each([
    ["no rows", [], [], /0 rows are too few/],
    ["labels that are known too late", [1, 2, 3], [9, 9, 9], /fold 1 has 0 rows to fit on/],
    ["times that fall", [2, 1], [2, 2], /times\[1\] is 1, expected at least 2/],
    ["labels for other rows", [1, 2], [1], /knownAt has 1 values, expected 2/],
    ["NaN", [1, Number.NaN], [1, 2], /times\[1\] is NaN/],
  ])("refuse %s", (_, times, knownAt, message) => {
    expect(() => timeOrderedFolds(times, knownAt, 2)).toThrow(message);
  });
});

describe("permutation importance (B-TRN-3)", () => {
  it("is twice the variance that a feature explains, and about nothing for the others", () => {
    const byName = new Map(
      permutationImportance(study).importances.map((each) => [each.name, each.importance]),
    );
    expect(byName.get("strong")).toBeGreaterThan(13);
    expect(byName.get("strong")).toBeLessThan(23);
    expect(byName.get("weak")).toBeGreaterThan(1.2);
    expect(byName.get("weak")).toBeLessThan(2.8);
    for (let i = 0; i < idle.length; i += 1) expect(Math.abs(byName.get(`idle${i}`)!)).toBeLessThan(0.1);
  });

  it("is the same again, and other with another seed", () => {
    expect(permutationImportance(study)).toEqual(permutationImportance(study));
    expect(permutationImportance({ ...study, seed: 2 })).not.toEqual(permutationImportance(study));
  });

  it("says which fold has no loss", () => {
    const loss: FeatureStudy["loss"] = (actual) => (actual[0] === labels[160] ? Number.NaN : 1);
    expect(() => permutationImportance({ ...study, loss })).toThrow(/fold 2 is NaN/);
  });

  it("of features that a model does not look at is 0, and costs no prediction", () => {
    let predictions = 0;
    const fit: Fit = (table, targets) => {
      const predict = leastSquares(table, targets);
      const counted = (other: Table) => {
        predictions += 1;
        return predict(other);
      };
      return Object.assign(counted, { looksAt: new Set(["strong"]) });
    };
    const { importances } = permutationImportance({ ...study, fit });
    expect(importances.filter(({ importance }) => importance !== 0).map(({ name }) => name)).toEqual([
      "strong",
    ]);
    expect(predictions).toBe(study.folds.length * (1 + study.repeats));
  });

  it("permutes blocks, the short one too, and at least two", () => {
    const order = blockPermutation(23, 5, 9);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, i) => i));
    for (let i = 1; i < 23; i += 1) if (order[i]! % 5 !== 0) expect(order[i]).toBe(order[i - 1]! + 1);
    const halves = blockPermutation(10, 100, 9);
    expect([0, 5]).toContain(halves[0]);
    expect(blockPermutation(1, 4, 9)).toEqual([0]);
  });
});

describe("backward elimination (B-TRN-3)", () => {
  it("keeps what the label depends on and drops the rest", () => {
    const { kept, rounds, screened } = eliminateFeatures(study);
    expect(kept).toEqual(["strong", "weak"]);
    expect(rounds.map(({ features: names }) => names.length)).toEqual([8, 6, 4, 3, 2, 1]);
    expect(screened).toEqual([]);
  });

  it("keeps one of two features that say the same", () => {
    const twins = tableOf({ strong, twin: strong, weak });
    const { kept } = eliminateFeatures({ ...study, features: twins });
    expect(kept).toHaveLength(2);
    expect(kept).toContain("weak");
  });

  it("never takes away what is to stay, be it constant", () => {
    const constant = new Float64Array(ROWS).fill(7);
    const table = tableOf({
      ...Object.fromEntries(idle.map((each, i) => [`idle${i}`, each])),
      constant,
      strong,
    });
    const stay = ["constant", "idle3"];
    const { kept, rounds } = eliminateFeatures({ ...study, features: table, stay });
    expect(kept).toEqual(["idle3", "constant", "strong"]);
    expect(rounds.at(-1)!.features).toEqual(["idle3", "constant"]);
  });

  it("keeps the best set itself when no standard error is tolerated", () => {
    const { kept, rounds } = eliminateFeatures({ ...study, tolerance: 0 });
    const least = Math.min(...rounds.map(({ loss }) => loss));
    expect(rounds.find(({ features: names }) => names.length === kept.length)!.loss).toBe(least);
  });

  it("screens as it is told: what tells the label by itself may be honest", () => {
    const perfect = tableOf({ strong, perfect: labels, constant: new Float64Array(ROWS) });
    const { kept, screened } = eliminateFeatures({ ...study, features: perfect, screen: screenConstants });
    expect(kept).toEqual(["perfect"]);
    expect(screened.map(({ name }) => name)).toEqual(["constant"]);
  });

  it("takes the label, constants and empty columns away before it begins", () => {
    const bad = tableOf({
      strong,
      label: labels.map((value) => 2 - 3 * value),
      constant: new Float64Array(ROWS).fill(7),
      empty: new Float64Array(ROWS).fill(Number.NaN),
    });
    const { kept, screened } = eliminateFeatures({ ...study, features: bad });
    expect(kept).toEqual(["strong"]);
    expect(screened.map(({ name, because }) => `${name}: ${because}`)).toEqual([
      "label: it is the label: it orders rows alike (1.0000 of 1)",
      "constant: it is 7 in every row",
      "empty: it has no value in any row",
    ]);
  });

  it("keeps nothing where there is nothing to learn from", () => {
    const empty = tableOf({ constant: new Float64Array(ROWS) });
    expect(eliminateFeatures({ ...study, features: empty })).toMatchObject({ kept: [], rounds: [] });
  });

  it("does not look at rows after a fold: their labels may be anything", () => {
    const cut = study.folds.at(-1)!.testFrom;
    const folds = study.folds.slice(0, -1);
    const scrambled = labels.map((value, row) => (row >= cut ? 1e9 * uniform(5, row) : value));
    const early = sliceRows(features, 0, cut);
    const seen = permutationImportance({ ...study, folds, labels: scrambled });
    expect(seen).toEqual(
      permutationImportance({ ...study, folds, features: early, labels: labels.subarray(0, cut) }),
    );
  });
});

describe("a screen", () => {
  it("passes what is merely close to the label", () => {
    const close = tableOf({ close: labels.map((value, row) => value + 0.1 * strong[row]!) });
    expect(screenFeatures(close, labels)).toEqual([]);
  });
});

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}
