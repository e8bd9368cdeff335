import { describe, expect, it } from "vitest";
import { ModelMismatchError } from "../manifest.ts";
import { encodeModel, node, valueInfo } from "../onnx-out/model.ts";
import { NINE_LEVELS } from "../quantile-forecast.ts";
import { rowMajor, type Table, tableOf } from "../tabular/table.ts";
import { encode, type TargetEncoder } from "../tabular/target-encoder.ts";
import { BOOSTING_DEFAULTS, boost } from "./boost.ts";
import { type Booster, predict } from "./booster.ts";
import { decodeBooster, encodeBooster } from "./codec.ts";
import { friedman, friedmanClasses } from "./gbdt.fixture.ts";
import { openOnnxPredictor } from "./onnx-predictor.ts";
import { boosterToOnnx } from "./to-onnx.ts";

const params = { ...BOOSTING_DEFAULTS, rounds: 30, minLeaf: 5 };
const fresh = friedman(800, 7).table;
/** Values on, beside and between bin edges, where a comparison in another precision would show. */
function edgy({ edges, features }: Booster): Table {
  const columns = edges.map((each) => Float32Array.from(each.length > 0 ? each : [0]));
  const rows = Math.min(...columns.map(({ length }) => length));
  return { names: features, columns: columns.map((column) => column.subarray(0, rows)), rows };
}

async function onnxOf(booster: Booster, table: Table): Promise<Float32Array> {
  const predictor = await openOnnxPredictor(boosterToOnnx(booster), "test");
  try {
    return await predictor.predict(rowMajor(table), table.rows);
  } finally {
    await predictor.release();
  }
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

describe("trees in ONNX and here", () => {
  it.each<[string, Booster]>([
    ["l2", boost(friedman(2000, 6), { kind: "l2" }, params).booster],
    ["nine quantiles", boost(friedman(2000, 6), { kind: "quantile", levels: NINE_LEVELS }, params).booster],
    ["one quantile", boost(friedman(2000, 6), { kind: "quantile", levels: [0.3] }, params).booster],
    ["logistic", boost(friedmanClasses(2000, 6), { kind: "logistic" }, params).booster],
    ["no tree at all", boost(friedman(10, 6), { kind: "quantile", levels: [0.25, 0.75] }).booster],
  ])("agree: %s, missing values and values on edges included", async (_, booster) => {
    for (const table of [fresh, edgy(booster)])
      expect(largestDifference(await onnxOf(booster, table), predict(booster, table))).toBeLessThan(2e-5);
  });

  it("agree where only missing values are split off, whose threshold is infinite", async () => {
    const x = Float32Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? Number.NaN : i));
    const labels = Float64Array.from(x, (value) => (Number.isNaN(value) ? 3 : 1));
    const { booster } = boost(
      { table: tableOf({ x }), labels },
      { kind: "l2" },
      { ...params, learningRate: 1, l2: 0 },
    );
    const table = tableOf({ x: [Number.NaN, -1e9, 1e9, Infinity] });
    expect([...(await onnxOf(booster, table))]).toEqual([3, 1, 1, 1]);
  });

  it("know the vocabulary in the graph; unknown categories are the prior (C-TRN-1)", async () => {
    const encoder: TargetEncoder = {
      name: "entity",
      vocabulary: ["a", "b"],
      values: Float32Array.of(-1, 4),
      prior: 1,
    };
    const entities = Array.from({ length: 300 }, (_, i) => ["a", "b", "c"][i % 3]!);
    const noise = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i));
    const labels = Float64Array.from(entities, (entity, i) => ({ a: 10, b: 20, c: 30 })[entity]! + noise[i]!);
    const columns = { noise, entity: encode(encoder, entities) };
    const { booster } = boost({ table: tableOf(columns), labels }, { kind: "l2" }, params);
    const predictor = await openOnnxPredictor(boosterToOnnx(booster, [encoder]), "test");
    const entity = ["b", "never seen", "a"];
    const rows = tableOf({ noise: [0, 0, 0] });
    const predicted = await predictor.predict(rowMajor(rows), 3, { entity });
    await predictor.release();
    const here = predict(booster, tableOf({ noise: [0, 0, 0], entity: encode(encoder, entity) }));
    expect(largestDifference(predicted, here)).toBeLessThan(2e-5);
    expect([...predicted].map((value) => Math.round(value / 10))).toEqual([2, 3, 1]);
  });

  it("are refused when the file is another graph", async () => {
    const other = encodeModel({
      name: "other",
      inputs: [valueInfo("x", "float", [1])],
      outputs: [valueInfo("y", "float", [1])],
      constants: [],
      nodes: [node("Neg", ["x"], ["y"])],
    });
    await expect(openOnnxPredictor(other, "other.onnx")).rejects.toThrow(ModelMismatchError);
    await expect(openOnnxPredictor(other, "other.onnx")).rejects.toThrow(/other.onnx has inputs x/);
  });
});

describe("stored trees", () => {
  it("are the same trees when read back, to the last bit", () => {
    const { booster } = boost(friedman(1000, 6), { kind: "quantile", levels: [0.1, 0.5] }, params);
    expect(decodeBooster(encodeBooster(booster), "test")).toEqual(booster);
  });

  it("are refused when they are damaged", () => {
    const bytes = encodeBooster(boost(friedman(100, 6), { kind: "l2" }, params).booster);
    expect(() => decodeBooster(bytes.subarray(1), "model.zip")).toThrow(ModelMismatchError);
    expect(() => decodeBooster(new TextEncoder().encode("{}"), "model.zip")).toThrow(
      /'model.zip'.*objective/s,
    );
  });
});
