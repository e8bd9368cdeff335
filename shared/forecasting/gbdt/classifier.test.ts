import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import type { Bundle } from "../bundle/bundle.ts";
import { ModelMismatchError } from "../manifest.ts";
import { uniformAt } from "../random.ts";
import { pickRows, rowMajor, type Table, tableOf } from "../tabular/table.ts";
import { BOOSTING_DEFAULTS } from "./boost.ts";
import { type LabelledRows, probabilitiesOf, trainClassifier } from "./classifier.ts";
import { modelFiles, openModel, readModel } from "./model-files.ts";

const params = { ...BOOSTING_DEFAULTS, rounds: 40, patience: 10 };
const DAY = 86_400_000;

/** Fourteen days of signals: the label follows `trend` where `spread` is low, and one venue more than the others. */
function signals(rows: number, seed: number): LabelledRows {
  const draw = (k: number) =>
    Float32Array.from({ length: rows }, (_, i) => uniformAt(100 * seed + k, i) * 2 - 1);
  const [trend, spread, noise, luck] = [0, 1, 2, 3].map(draw);
  const venue = Array.from(
    { length: rows },
    (_, i) => ["x", "y", "z"][Math.floor(uniformAt(100 * seed + 9, i) * 3)]!,
  );
  const labels = Float64Array.from(luck!, (each, i) => {
    const signal = spread![i]! < 0.5 ? trend![i]! : 0;
    return signal + (venue[i] === "z" ? 0.4 : 0) + 0.5 * each > 0.1 ? 1 : 0;
  });
  const times = Float64Array.from({ length: rows }, (_, i) => (i * 14 * DAY) / rows);
  return {
    table: tableOf({ trend: trend!, spread: spread!, noise: noise! }),
    categories: { venue },
    labels,
    times,
  };
}

function bundleOf(files: Map<string, Uint8Array>): Bundle {
  const at = "2026-01-01T00:00:00.000Z";
  const trained_on = { from: at, to: at, entities: 0, rows: 1 };
  const info = {
    format: 1 as const,
    family: "signal",
    params: {},
    seed: 0,
    trained_on,
    parent: null,
    code_version: "",
  };
  return { info, files };
}

const train = signals(2800, 1);
const fresh = signals(1000, 2);

describe("a classifier of trading signals (B-TRN-2)", () => {
  const trained = trainClassifier(train, params);

  it("is right on new rows far more often than the commoner class, and its metrics say so beforehand", () => {
    const probabilities = probabilitiesOf(trained, fresh);
    const right = probabilities.filter((p, row) => p > 0.5 === (fresh.labels[row] === 1)).length / 1000;
    expect(right).toBeGreaterThan(0.78);
    expect(trained.metrics!.rows).toBe(400);
    expect(Math.abs(trained.metrics!.accuracy - right)).toBeLessThan(0.05);
    expect(trained.metrics!.auc).toBeGreaterThan(0.85);
    expect(trained.metrics!.logLoss).toBeLessThan(0.5);
    expect(trained.suspects).toEqual([]);
  });

  it("is fitted to the first twelve of fourteen days, whatever the order of the rows", () => {
    expect(trained.rows).toBeLessThanOrEqual(2400);
    const order = Int32Array.from({ length: 2800 }, (_, i) => (i * 1009) % 2800);
    const shuffled: LabelledRows = {
      table: pickRows(train.table, order),
      categories: { venue: Array.from(order, (row) => train.categories!.venue![row]!) },
      labels: Float64Array.from(order, (row) => train.labels[row]!),
      times: Float64Array.from(order, (row) => train.times[row]!),
    };
    expect(trainClassifier(shuffled, params)).toEqual(trained);
  });

  it("serves from ONNX what it says here; a venue never seen is the prior", async () => {
    const bundle = bundleOf(modelFiles(trained));
    const predictor = await openModel(bundle, "signal");
    const venue = fresh.categories!.venue!.map((each, row) => (row % 5 === 0 ? "never seen" : each));
    const served = await predictor.predict(rowMajor(fresh.table), 1000, { venue });
    await predictor.release();
    const here = probabilitiesOf(readModel(bundle, "signal"), { ...fresh, categories: { venue } });
    served.forEach((p, row) => {
      expect(Math.abs(p - here[row]!)).toBeLessThan(1e-5);
    });
  });

  it("goes on from a parent, with new venues after the old ones (D-TRN-1)", () => {
    const more = signals(1400, 3);
    const venue = more.categories!.venue!.map((each, row) => (row % 4 === 0 ? "a-new" : each));
    const child = trainClassifier({ ...more, categories: { venue } }, { ...params, rounds: 10 }, trained);
    expect(child.encoders[0]!.vocabulary).toEqual([...trained.encoders[0]!.vocabulary, "a-new"]);
    expect(child.booster.trees.slice(0, trained.booster.trees.length)).toEqual(trained.booster.trees);
    expect(child.rounds.added).toBeLessThanOrEqual(10);
  });

  it("names a feature that is the label", () => {
    const table: Table = tableOf({ ...columnsOf(train.table), outcome: train.labels });
    const { suspects, metrics } = trainClassifier({ ...train, table }, params);
    expect(suspects).toEqual([{ feature: "outcome", strength: 1 }]);
    expect(metrics!.accuracy).toBe(1);
  });

  it("knows nothing of held out rows", () => {
    const late = (row: number) => train.times[row]! >= 12 * DAY;
    const flipped = Float64Array.from(train.labels, (label, row) => (late(row) ? 1 - label : label));
    const from = { validationFromMs: 12 * DAY };
    const honest = trainClassifier({ ...train, ...from }, params);
    const other = trainClassifier({ ...train, ...from, labels: flipped }, params);
    expect(other.encoders).toEqual(honest.encoders);
    expect(other.booster.trees).toEqual(honest.booster.trees.slice(0, other.booster.trees.length));
  });
});

describe("awkward input of a classifier", () => {
  const few = signals(60, 4);

  it("without informative rows it gives the share of ones", () => {
    const labels = Float64Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const table = tableOf({
      nothing: new Float32Array(60).fill(Number.NaN),
      same: new Float32Array(60).fill(1),
    });
    const trained = trainClassifier({ table, labels, times: few.times }, params);
    expect(trained.rounds.total).toBe(0);
    for (const p of probabilitiesOf(trained, { table })) expect(p).toBeCloseTo(1 / 3, 1);
    expect(trained.metrics!.auc).toBe(0.5);
  });

  it.each<[string, Partial<LabelledRows>, RegExp]>([
    ["labels of one class", { labels: new Float64Array(60) }, /all \d+ labels to be fitted are 0/],
    ["labels that are no classes", { labels: new Float64Array(60).fill(0.5) }, /0.5, expected 0 or 1/],
    ["fewer times than rows", { times: [1, 2] }, /'times' has 2 rows, expected 60/],
    ["fewer categories than rows", { categories: { venue: ["x"] } }, /'venue' has 1 rows, expected 60/],
    ["nothing before the validation", { validationFromMs: -1 }, /0 of \d+ rows are to be fitted/],
    ["no rows", { table: tableOf({ a: [] }), labels: [], times: [], categories: {} }, /no rows/],
  ])("%s is refused", (_, changes, message) => {
    expect(() => trainClassifier({ ...few, ...changes }, params)).toThrow(InvalidInputError);
    expect(() => trainClassifier({ ...few, ...changes }, params)).toThrow(message);
  });

  it("a text column that is not there is named", () => {
    const trained = trainClassifier(train, { ...params, rounds: 1 });
    expect(() => probabilitiesOf(trained, { table: fresh.table })).toThrow(
      /'venue' has no rows, expected 1000/,
    );
  });

  it("damaged files are refused by name", () => {
    const files = modelFiles(trainClassifier(train, { ...params, rounds: 1 }));
    const without = new Map([...files].filter(([name]) => name !== "vocabulary.json"));
    expect(() => readModel(bundleOf(without), "m")).toThrow(/'m' has no vocabulary.json/);
    const damaged = new Map(files).set("vocabulary.json", new TextEncoder().encode("[1]"));
    expect(() => readModel(bundleOf(damaged), "m")).toThrow(ModelMismatchError);
  });
});

function columnsOf({ names, columns }: Table): Record<string, Float32Array> {
  return Object.fromEntries(names.map((name, f) => [name, columns[f]!]));
}
