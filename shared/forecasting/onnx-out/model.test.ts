import type { Tensor as TensorType } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { onnxruntime } from "../onnxruntime.ts";
import { encodeModel, floats, type Graph, int64s, node, ONNX_ML, strings, valueInfo } from "./model.ts";
import { MessageWriter } from "./protobuf.ts";

const { InferenceSession, Tensor } = await onnxruntime();

async function run(graph: Graph, feeds: Record<string, TensorType>): Promise<Record<string, TensorType>> {
  const session = await InferenceSession.create(encodeModel(graph), { intraOpNumThreads: 1 });
  try {
    return (await session.run(feeds)) as Record<string, TensorType>;
  } finally {
    await session.release();
  }
}

describe("protobuf", () => {
  it.each([
    ["one byte", 127, [8, 127]],
    ["two bytes", 300, [8, 0xac, 2]],
    ["beyond 32 bits", 2 ** 40, [8, 128, 128, 128, 128, 128, 32]],
    ["negative: ten bytes", -1, [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
  ])("writes a varint of %s", (_, value, bytes) => {
    expect([...new MessageWriter().integer(1, value).finish()]).toEqual(bytes);
  });

  it("packs repeated numbers and nests messages", () => {
    const inner = new MessageWriter().integers(4, [3, 270]).text(2, "é");
    expect([...new MessageWriter().message(3, inner).finish()]).toEqual([
      26, 9, 34, 3, 3, 0x8e, 2, 18, 2, 0xc3, 0xa9,
    ]);
  });
});

describe("an ONNX file written here", () => {
  it("runs in onnxruntime: constants, a negative axis, a size left open", async () => {
    const graph: Graph = {
      name: "affine",
      inputs: [valueInfo("x", "float", ["rows", 3])],
      constants: [
        floats("weights", [3, 2], [1, 2, 3, 4, 5, 6]),
        floats("bias", [2], [10, 20]),
        int64s("axis", [1], [-1]),
      ],
      nodes: [
        node("MatMul", ["x", "weights"], ["product"]),
        node("Add", ["product", "bias"], ["y"]),
        node("ReduceSum", ["y", "axis"], ["sum"], { keepdims: { int: 0 } }),
      ],
      outputs: [valueInfo("y", "float", ["rows", 2]), valueInfo("sum", "float", ["rows"])],
    };
    const { y, sum } = await run(graph, { x: new Tensor("float32", [1, 0, 0, 0, 1, 1], [2, 3]) });
    expect([...(y!.data as Float32Array)]).toEqual([11, 22, 18, 30]);
    expect([...(sum!.data as Float32Array)]).toEqual([33, 48]);
  });

  it("encodes text by an ai.onnx.ml label encoder, unknown text by its default (C-TRN-1)", async () => {
    const graph: Graph = {
      name: "vocabulary",
      inputs: [valueInfo("entity", "string", ["rows"])],
      constants: [strings("known", [1], ["ünïcode"])],
      nodes: [
        node(
          "LabelEncoder",
          ["entity"],
          ["id"],
          {
            keys_strings: { strings: ["a", "ünïcode"] },
            values_floats: { floats: [0.25, -7.5] },
            default_float: { float: 99 },
          },
          ONNX_ML,
        ),
        node("Equal", ["id", "id"], ["same"]),
        node("Where", ["same", "entity", "known"], ["text"]),
      ],
      outputs: [valueInfo("id", "float", ["rows"]), valueInfo("text", "string", ["rows"])],
    };
    const entity = new Tensor("string", ["ünïcode", "b", "a"], [3]);
    const { id, text } = await run(graph, { entity });
    expect([...(id!.data as Float32Array)]).toEqual([-7.5, 99, 0.25]);
    expect([...(text!.data as unknown as string[])]).toEqual(["ünïcode", "b", "a"]);
  });

  it("is the same bytes for the same graph", () => {
    const graph: Graph = {
      name: "same",
      inputs: [valueInfo("x", "float", [1])],
      constants: [],
      nodes: [node("Neg", ["x"], ["y"])],
      outputs: [valueInfo("y", "float", [1])],
    };
    expect(encodeModel(graph)).toEqual(encodeModel(graph));
  });

  const x = valueInfo("x", "float", [1]);
  it.each<[string, Partial<Graph>, RegExp]>([
    ["reads what nothing writes", { nodes: [node("Neg", ["z"], ["y"])] }, /Neg reads 'z'/],
    ["writes a name twice", { nodes: [node("Neg", ["x"], ["x"])] }, /'x' is written twice/],
    ["lacks its output", { nodes: [] }, /an output reads 'y'/],
    ["uses an unknown domain", { nodes: [node("Neg", ["x"], ["y"], {}, "my")] }, /no operator set 'my'/],
  ])("is refused when the graph %s", (_, parts, message) => {
    const graph = {
      name: "g",
      inputs: [x],
      constants: [],
      nodes: [],
      outputs: [{ ...x, name: "y" }],
      ...parts,
    };
    expect(() => encodeModel(graph)).toThrow(InvalidInputError);
    expect(() => encodeModel(graph)).toThrow(message);
  });

  it("is refused when a constant has another size than its dims", () => {
    expect(() => floats("w", [2, 3], [1, 2])).toThrow(/'w' has 2 values, its dims \[2,3\] expect 6/);
  });
});
