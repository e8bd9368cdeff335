import {
  type Constant,
  encodeModel,
  int64s,
  type Node,
  node,
  ONNX_ML,
  valueInfo,
} from "../onnx-out/model.ts";
import type { TargetEncoder } from "../tabular/target-encoder.ts";
import type { Booster } from "./booster.ts";
import { outputsOf } from "./objective.ts";
import { LEAF, type Tree } from "./tree.ts";

/** Input of the numeric columns: float32 [rows, columns], NaN for missing. */
export const FEATURES_INPUT = "features";
/** Output: float32 [rows, outputs]: values, quantiles in ascending order, or probabilities. */
export const PREDICTION_OUTPUT = "prediction";

/**
 * The model as an ONNX graph that answers as `predict` does.
 *
 *     features  float32 [rows, numeric columns]
 *     <name>    string [rows, 1], for each encoder
 *     → LabelEncoder of each text column → Concat → TreeEnsembleRegressor → Sigmoid or TopK, or neither
 *     prediction float32 [rows, outputs]
 *
 * @param booster  its last features are the encoders', in their order
 * @param encoders vocabularies, which become part of the graph; unknown text is the prior
 */
export function boosterToOnnx(booster: Booster, encoders: readonly TargetEncoder[] = []): Uint8Array {
  const outputs = outputsOf(booster.objective);
  const numeric = booster.features.length - encoders.length;
  const columns = encoders.length === 0 ? FEATURES_INPUT : "columns";
  const encoded = encoders.map((_, i) => `encoded_${i}`);
  const { kind } = booster.objective;
  const scores = kind === "l2" || (outputs === 1 && kind === "quantile") ? PREDICTION_OUTPUT : "scores";
  const constants: Constant[] = [];
  const nodes: Node[] = encoders.map((encoder, i) => labelEncoder(encoder, encoded[i]!));
  if (encoders.length > 0)
    nodes.push(node("Concat", [FEATURES_INPUT, ...encoded], [columns], { axis: { int: 1 } }));
  nodes.push(treeEnsemble(booster, columns, scores));
  if (kind === "logistic") nodes.push(node("Sigmoid", [scores], [PREDICTION_OUTPUT]));
  else if (scores !== PREDICTION_OUTPUT) {
    constants.push(int64s("levels", [1], [outputs]));
    const ascending = { axis: { int: 1 }, largest: { int: 0 }, sorted: { int: 1 } };
    nodes.push(node("TopK", [scores, "levels"], [PREDICTION_OUTPUT, "order"], ascending));
  }
  return encodeModel({
    name: "gbdt",
    inputs: [
      valueInfo(FEATURES_INPUT, "float", ["rows", numeric]),
      ...encoders.map(({ name }) => valueInfo(name, "string", ["rows", 1])),
    ],
    outputs: [valueInfo(PREDICTION_OUTPUT, "float", ["rows", outputs])],
    constants,
    nodes,
  });
}

function labelEncoder({ name, vocabulary, values, prior }: TargetEncoder, output: string): Node {
  const attributes = {
    keys_strings: { strings: vocabulary },
    values_floats: { floats: values },
    default_float: { float: prior },
  };
  return node("LabelEncoder", [name], [output], attributes, ONNX_ML);
}

/** A model without trees is one leaf that adds nothing: the operator needs a node. */
const NOTHING: Omit<Tree, "values"> = {
  feature: Int32Array.of(LEAF),
  threshold: new Float32Array(1),
  missingLeft: new Uint8Array(1),
  left: new Int32Array(1),
  right: new Int32Array(1),
};

function treeEnsemble(booster: Booster, input: string, output: string): Node {
  const outputs = outputsOf(booster.objective);
  const trees =
    booster.trees.length > 0 ? booster.trees : [{ ...NOTHING, values: new Float32Array(outputs) }];
  const nodes: NodeColumns = {
    tree: [],
    node: [],
    feature: [],
    mode: [],
    value: [],
    left: [],
    right: [],
    missing: [],
  };
  const targets: TargetColumns = { tree: [], node: [], output: [], weight: [] };
  for (const [id, tree] of trees.entries()) {
    addNodes(nodes, id, tree);
    addTargets(targets, id, tree, outputs);
  }
  const attributes = {
    n_targets: { int: outputs },
    aggregate_function: { string: "SUM" },
    // LOGISTIC here is ignored by onnxruntime: a Sigmoid node follows instead.
    post_transform: { string: "NONE" },
    base_values: { floats: booster.base },
    nodes_treeids: { ints: nodes.tree },
    nodes_nodeids: { ints: nodes.node },
    nodes_featureids: { ints: nodes.feature },
    nodes_modes: { strings: nodes.mode },
    nodes_values: { floats: nodes.value },
    nodes_truenodeids: { ints: nodes.left },
    nodes_falsenodeids: { ints: nodes.right },
    nodes_missing_value_tracks_true: { ints: nodes.missing },
    target_treeids: { ints: targets.tree },
    target_nodeids: { ints: targets.node },
    target_ids: { ints: targets.output },
    target_weights: { floats: targets.weight },
  };
  return node("TreeEnsembleRegressor", [input], [output], attributes, ONNX_ML);
}

interface NodeColumns {
  tree: number[];
  node: number[];
  feature: number[];
  mode: string[];
  value: number[];
  left: number[];
  right: number[];
  missing: number[];
}

function addNodes(nodes: NodeColumns, id: number, tree: Omit<Tree, "values">): void {
  tree.feature.forEach((feature, n) => {
    const leaf = feature === LEAF;
    nodes.tree.push(id);
    nodes.node.push(n);
    nodes.feature.push(leaf ? 0 : feature);
    nodes.mode.push(leaf ? "LEAF" : "BRANCH_LEQ");
    nodes.value.push(tree.threshold[n]!);
    nodes.left.push(tree.left[n]!);
    nodes.right.push(tree.right[n]!);
    nodes.missing.push(tree.missingLeft[n]!);
  });
}

interface TargetColumns {
  tree: number[];
  node: number[];
  output: number[];
  weight: number[];
}

function addTargets(targets: TargetColumns, id: number, { feature, values }: Tree, outputs: number): void {
  feature.forEach((each, n) => {
    if (each !== LEAF) return;
    for (let output = 0; output < outputs; output += 1) {
      targets.tree.push(id);
      targets.node.push(n);
      targets.output.push(output);
      targets.weight.push(values[n * outputs + output]!);
    }
  });
}
