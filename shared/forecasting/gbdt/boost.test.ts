import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { ModelMismatchError } from "../manifest.ts";
import { sliceRows, type Table, tableOf } from "../tabular/table.ts";
import { BOOSTING_DEFAULTS, type BoostingParams, boost } from "./boost.ts";
import { type Booster, predict, rawScores } from "./booster.ts";
import { friedman, friedmanClasses } from "./gbdt.fixture.ts";
import { meanLoss, type Objective } from "./objective.ts";
import { leafCount, leafOf } from "./tree.ts";

const few: BoostingParams = { ...BOOSTING_DEFAULTS, rounds: 40, learningRate: 0.2, leaves: 15 };
const quantiles: Objective = { kind: "quantile", levels: [0.1, 0.5, 0.9] };
const train = friedman(3000, 1);
const test = friedman(1500, 2);

function lossOf(booster: Booster, { table, labels }: typeof train): number {
  return meanLoss(booster.objective, labels, rawScores(booster, table), 0, table.rows);
}

describe("gradient-boosted trees (B-TRN-2)", () => {
  it("explain nine tenths of the variance of Friedman's function, on rows they have not seen", () => {
    const { booster, rounds } = boost(train, { kind: "l2" }, few);
    expect(rounds).toEqual({ total: 40, added: 40 });
    const mean = test.labels.reduce((sum, label) => sum + label, 0) / test.labels.length;
    const variance = test.labels.reduce((sum, label) => sum + (label - mean) ** 2, 0) / test.labels.length;
    // Of the variance about 1 is noise, and a fifth of x3 is missing.
    expect(1 - lossOf(booster, test) / variance).toBeGreaterThan(0.85);
  });

  it("predict quantiles that are ordered and hold about their share of new rows, a little too near to the median", () => {
    const { booster } = boost(train, quantiles, { ...few, minLeaf: 100 });
    const predicted = predict(booster, test.table);
    for (const [k, level] of quantiles.levels.entries()) {
      const below = test.labels.filter((label, row) => label <= predicted[row * 3 + k]!).length;
      expect(Math.abs(below / test.labels.length - level)).toBeLessThan(0.08);
    }
    for (let row = 0; row < test.table.rows; row += 1)
      expect(predicted[row * 3]!).toBeLessThanOrEqual(predicted[row * 3 + 2]!);
  });

  it("give probabilities that are calibrated on new rows", () => {
    const { booster } = boost(friedmanClasses(3000, 3), { kind: "logistic" }, few);
    const { table, labels } = friedmanClasses(1500, 4);
    const predicted = predict(booster, table);
    const sure = [...labels.keys()].filter((row) => predicted[row]! > 0.9);
    expect(sure.length).toBeGreaterThan(200);
    expect(sure.filter((row) => labels[row] === 1).length / sure.length).toBeGreaterThan(0.85);
    const error = labels.reduce((sum, label, row) => sum + (label - predicted[row]!), 0) / labels.length;
    expect(Math.abs(error)).toBeLessThan(0.03);
  });

  it("are the same for the same input, and others for another seed", () => {
    const sampled = { ...few, rounds: 5, rowShare: 0.5, featureShare: 0.5 };
    const first = boost(train, quantiles, sampled).booster;
    expect(boost(train, quantiles, sampled).booster).toEqual(first);
    expect(boost(train, quantiles, { ...sampled, seed: 1 }).booster.trees).not.toEqual(first.trees);
  });

  it("learn which way a missing value goes", () => {
    const rows = 400;
    const x = Float32Array.from({ length: rows }, (_, i) => (i % 4 === 0 ? Number.NaN : (i % 4) / 4));
    const labels = Float64Array.from({ length: rows }, (_, i) => [5, 0, 5, 5][i % 4]!);
    const { booster } = boost({ table: tableOf({ x }), labels }, { kind: "l2" }, few);
    const [missing, low, high] = predict(booster, tableOf({ x: [Number.NaN, 0.25, 0.75] }));
    expect(Math.abs(missing! - 5)).toBeLessThan(0.1);
    expect(Math.abs(low! - 0)).toBeLessThan(0.1);
    expect(Math.abs(high! - 5)).toBeLessThan(0.1);
  });

  it("split missing values off where only they differ", () => {
    const x = Float32Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? Number.NaN : i));
    const labels = Float64Array.from(x, (value) => (Number.isNaN(value) ? 3 : 1));
    const { booster } = boost(
      { table: tableOf({ x }), labels },
      { kind: "l2" },
      { ...few, learningRate: 1, l2: 0 },
    );
    expect([...predict(booster, tableOf({ x: [Number.NaN, -1e9, 1e9, Infinity] }))]).toEqual([3, 1, 1, 1]);
  });

  it("keep min_leaf rows in every leaf and at most so many leaves", () => {
    const { booster } = boost(train, { kind: "l2" }, { ...few, rounds: 3, minLeaf: 100, leaves: 12 });
    for (const tree of booster.trees) {
      expect(leafCount(tree)).toBeLessThanOrEqual(12);
      const counts = new Map<number, number>();
      for (let row = 0; row < train.table.rows; row += 1) {
        const leaf = leafOf(tree, train.table.columns, row);
        counts.set(leaf, (counts.get(leaf) ?? 0) + 1);
      }
      expect(counts.size).toBe(leafCount(tree));
      expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(100);
    }
  });

  it("stop early on the last rows, and keep the best round", () => {
    const fitRows = 300;
    const eager = { ...few, rounds: 300, learningRate: 0.5, minLeaf: 2, patience: 10 };
    const { booster, validationLosses } = boost({ ...train, fitRows }, { kind: "l2" }, eager);
    expect(validationLosses.length).toBeLessThan(150);
    const best = Math.min(...validationLosses);
    expect(validationLosses[booster.trees.length]).toBe(best);
    const held = { table: sliceRows(train.table, fitRows), labels: train.labels.slice(fitRows) };
    expect(lossOf(booster, held)).toBeCloseTo(best, 9);
  });

  it("see nothing of the validation rows but when to stop", () => {
    const spoilt = train.labels.map((label, row) => (row < 2000 ? label : -label));
    const fit = (labels: Float64Array) =>
      boost(
        { table: train.table, labels, fitRows: 2000 },
        { kind: "l2" },
        { ...few, rounds: 8, patience: 9 },
      );
    const { booster } = fit(train.labels);
    expect(booster.trees).toHaveLength(8);
    const other = fit(spoilt).booster;
    expect(other.trees).toEqual(booster.trees.slice(0, other.trees.length));
    expect(other.base).toEqual(booster.base);
  });
});

describe("a warm start (D-TRN-1)", () => {
  const half = { ...few, rounds: 20 };

  it("in two halves is the whole, on the same rows", () => {
    const whole = boost(train, quantiles, few).booster;
    const first = boost(train, quantiles, half).booster;
    const second = boost(train, quantiles, half, first);
    expect(second.rounds).toEqual({ total: 40, added: 20 });
    expect(second.booster.trees).toEqual(whole.trees);
  });

  it("leaves the old trees as they are and helps on what has changed", () => {
    const parent = boost(train, { kind: "l2" }, few).booster;
    const shift = (rows: typeof train) => ({ ...rows, labels: rows.labels.map((label) => label + 5) });
    const { booster } = boost(shift(friedman(1500, 5)), { kind: "l2" }, half, parent);
    expect(booster.trees.slice(0, 40)).toEqual(parent.trees);
    expect(booster.edges).toBe(parent.edges);
    expect(lossOf(booster, shift(test))).toBeLessThan(0.2 * lossOf(parent, shift(test)));
  });

  it("adds nothing where new rows are not predicted better by it", () => {
    const parent = boost(train, { kind: "l2" }, few).booster;
    const noise = { ...train, labels: train.labels.map((label, row) => (row < 2500 ? -label : label)) };
    const { booster, rounds } = boost({ ...noise, fitRows: 2500 }, { kind: "l2" }, half, parent);
    expect(rounds).toEqual({ total: 40, added: 0 });
    expect(booster.trees).toEqual(parent.trees);
  });

  it.each<[string, Table, Objective, RegExp]>([
    ["features", friedman(100, 1, 9).table, { kind: "l2" }, /has features \["x0".*expected \["x0"/],
    ["objective", friedman(100, 1).table, quantiles, /objective is \{"kind":"l2"\}, expected.*levels/],
  ])("refuses a parent with other %s", (_, table, objective, message) => {
    const parent = boost(train, { kind: "l2" }, { ...few, rounds: 1 }).booster;
    const data = { table, labels: new Float64Array(100) };
    expect(() => boost(data, objective, few, parent)).toThrow(ModelMismatchError);
    expect(() => boost(data, objective, few, parent)).toThrow(message);
  });
});

describe("awkward input of gradient-boosted trees", () => {
  const x = Float32Array.from({ length: 60 }, (_, i) => i);

  it.each<[string, Record<string, ArrayLike<number>>, ArrayLike<number>, number]>([
    ["constant labels", { x }, new Float64Array(60).fill(7), 7],
    ["a constant feature", { x: new Float32Array(60).fill(2) }, Float64Array.from(x, (_, i) => i % 3), 1],
    [
      "a feature that is never there",
      { x: new Float32Array(60).fill(Number.NaN) },
      x.map((_, i) => i % 3),
      1,
    ],
    ["fewer rows than a split needs", { x: x.subarray(0, 5) }, [1, 2, 3, 4, 5], 3],
    ["one row", { x: [1] }, [4], 4],
  ])("%s: the mean, without a tree", (_, columns, labels, mean) => {
    const data = { table: tableOf(columns), labels: Float64Array.from(labels) };
    const { booster, rounds } = boost(data, { kind: "l2" });
    expect(rounds.total).toBe(0);
    expect([...predict(booster, tableOf({ x: [0, Number.NaN] }))]).toEqual([mean, mean]);
  });

  it("infinite features are the largest and smallest values", () => {
    const values = x.map((_, i) => [-Infinity, 0, Infinity][i % 3]!);
    const labels = Float64Array.from(x, (_, i) => [1, 2, 3][i % 3]!);
    const { booster } = boost({ table: tableOf({ x: values }), labels }, { kind: "l2" }, { ...few, l2: 0 });
    const [low, middle, high] = predict(booster, tableOf({ x: [-Infinity, 0, Infinity] }));
    expect([low, middle, high].map((value) => Math.round(value! * 10) / 10)).toEqual([1, 2, 3]);
  });

  const table = tableOf({ x });
  const labels = Float64Array.from(x, (_, i) => i % 2);
  it.each<[string, Parameters<typeof boost>, RegExp]>([
    [
      "labels of one class",
      [{ table, labels: new Float64Array(60).fill(1) }, { kind: "logistic" }],
      /all 60 labels to be fitted are 1/,
    ],
    [
      "one class before the validation rows",
      [{ table, labels: labels.map((_, i) => (i < 50 ? 0 : 1)), fitRows: 50 }, { kind: "logistic" }],
      /all 50 labels/,
    ],
    [
      "a label that is no class",
      [{ table, labels: labels.map((l, i) => (i === 7 ? 2 : l)) }, { kind: "logistic" }],
      /row 7 is 2, expected 0 or 1/,
    ],
    [
      "a label that is missing",
      [{ table, labels: labels.map((l, i) => (i === 7 ? Number.NaN : l)) }, { kind: "l2" }],
      /row 7 is NaN/,
    ],
    [
      "fewer labels than rows",
      [{ table, labels: labels.slice(1) }, { kind: "l2" }],
      /59 labels, expected one for each of 60 rows/,
    ],
    ["no rows to fit", [{ table, labels, fitRows: 0 }, { kind: "l2" }], /0 of 60 rows/],
    [
      "a learning rate of 0",
      [{ table, labels }, { kind: "l2" }, { ...few, learningRate: 0 }],
      /learningRate is 0, expected a number above 0/,
    ],
    [
      "1.5 leaves",
      [{ table, labels }, { kind: "l2" }, { ...few, leaves: 1.5 }],
      /leaves is 1.5, expected an integer in 2/,
    ],
    [
      "256 bins",
      [{ table, labels }, { kind: "l2" }, { ...few, maxBins: 256 }],
      /maxBins is 256, expected an integer in 2 … 255/,
    ],
  ])("%s is refused by name", (_, args, message) => {
    expect(() => boost(...args)).toThrow(InvalidInputError);
    expect(() => boost(...args)).toThrow(message);
  });
});
