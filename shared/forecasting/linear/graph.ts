import type { ModelManifest } from "../manifest.ts";
import { encodeModel, floats, int64s, type Node, node, valueInfo } from "../onnx-out/model.ts";
import { NINE_LEVELS } from "../quantile-forecast.ts";
import { LEAST_SCALE } from "./anchor.ts";
import type { LinearModel } from "./fit.ts";

/** `TensorProto.DataType` of float, for `Cast`. */
const FLOAT = 1;
const INPUT = "context";
const OUTPUT = "quantiles";

/**
 * The model as an ONNX graph with Chronos-Bolt's contract: `context` float32 [series, contextLength], NaN for missing,
 * in; `quantiles` float32 [series, 9, block] out. Anchoring is within, so that any runtime serves it. A missing value
 * counts as the anchor.
 */
export function linearGraph(model: LinearModel): Uint8Array {
  const { contextLength, block, weights, offsets } = model;
  return encodeModel({
    name: "linear",
    inputs: [valueInfo(INPUT, "float", ["series", contextLength])],
    outputs: [valueInfo(OUTPUT, "float", ["series", NINE_LEVELS.length, block])],
    constants: [
      floats("zero", [1], [0]),
      floats("one", [1], [1]),
      floats("least_scale", [1], [LEAST_SCALE]),
      int64s("first", [1], [0]),
      int64s("second", [1], [1]),
      int64s("last_step", [1], [contextLength - 1]),
      int64s("steps", [1], [contextLength]),
      int64s("axis_1", [1], [1]),
      floats("weights", [contextLength, block], weights.subarray(block)),
      floats("intercept", [block], weights.subarray(0, block)),
      floats("offsets", [1, NINE_LEVELS.length, block], offsets),
    ],
    nodes: [
      ...means(INPUT, "observed"),
      ...(model.normalisation === "last" ? lastAnchor() : meanAnchor()),
      node("Sub", [INPUT, "loc"], ["from_anchor"]),
      node("Where", ["observed_missing", "zero", "from_anchor"], ["distance"]),
      node("Max", ["scale", "least_scale"], ["divisor"]),
      node("Div", ["distance", "divisor"], ["z"]),
      node("MatMul", ["z", "weights"], ["product"]),
      node("Add", ["product", "intercept"], ["center"]),
      node("Unsqueeze", ["center", "axis_1"], ["center_3d"]),
      node("Add", ["center_3d", "offsets"], ["law"]),
      node("Unsqueeze", ["scale", "axis_1"], ["scale_3d"]),
      node("Unsqueeze", ["loc", "axis_1"], ["loc_3d"]),
      node("Mul", ["law", "scale_3d"], ["spread"]),
      node("Add", ["spread", "loc_3d"], [OUTPUT]),
    ],
  });
}

/** What the graph promises. */
export function linearManifest({ contextLength, block }: LinearModel): ModelManifest {
  return {
    family: "chronos-bolt",
    input: INPUT,
    output: OUTPUT,
    context_length: contextLength,
    fixed_context: true,
    horizon: block,
    quantile_levels: [...NINE_LEVELS],
    quantile_axis: 1,
  };
}

/** `<name>_mean` [series, 1] of what is not NaN in each row of `source`, and `<name>_missing`, its holes. */
function means(source: string, name: string): Node[] {
  const part = (suffix: string) => `${name}_${suffix}`;
  return [
    node("IsNaN", [source], [part("missing")]),
    node("Not", [part("missing")], [part("present")]),
    node("Cast", [part("present")], [part("ones")], { to: { int: FLOAT } }),
    node("Where", [part("missing"), "zero", source], [part("filled")]),
    node("ReduceSum", [part("ones"), "axis_1"], [part("count")]),
    node("ReduceSum", [part("filled"), "axis_1"], [part("sum")]),
    node("Max", [part("count"), "one"], [part("divisor")]),
    node("Div", [part("sum"), part("divisor")], [part("mean")]),
  ];
}

function lastAnchor(): Node[] {
  return [
    node("Slice", [INPUT, "last_step", "steps", "axis_1"], ["last"]),
    node("IsNaN", ["last"], ["last_missing"]),
    node("Where", ["last_missing", "observed_mean", "last"], ["loc"]),
    node("Slice", [INPUT, "first", "last_step", "axis_1"], ["earlier"]),
    node("Slice", [INPUT, "second", "steps", "axis_1"], ["later"]),
    node("Sub", ["later", "earlier"], ["change"]),
    node("Abs", ["change"], ["absolute_change"]),
    ...means("absolute_change", "change"),
    node("Identity", ["change_mean"], ["scale"]),
  ];
}

function meanAnchor(): Node[] {
  return [
    node("Identity", ["observed_mean"], ["loc"]),
    node("Sub", [INPUT, "loc"], ["deviation"]),
    node("Mul", ["deviation", "deviation"], ["squared_deviation"]),
    ...means("squared_deviation", "variance"),
    node("Sqrt", ["variance_mean"], ["scale"]),
  ];
}
