/**
 * Writes ONNX models: a graph of nodes with constants, inputs and outputs becomes the bytes of an `.onnx` file, without
 * any library. IR version 8, operator set 17, and `ai.onnx.ml` version 3 where a node asks for it.
 *
 *     encodeModel({
 *       name: "double",
 *       inputs: [valueInfo("x", "float", ["rows", 3])],
 *       constants: [floats("two", [1], [2])],
 *       nodes: [node("Mul", ["x", "two"], ["y"])],
 *       outputs: [valueInfo("y", "float", ["rows", 3])],
 *     });
 *
 * Source: ONNX, `onnx/onnx.proto` (field numbers) and `docs/IR.md`.
 */
import { InvalidInputError } from "../../errors.ts";
import { floatBytes, int64Bytes, MessageWriter } from "./protobuf.ts";

/** The operators of trees and label encoders. */
export const ONNX_ML = "ai.onnx.ml";

const IR_VERSION = 8;
const OPSET: Readonly<Record<string, number>> = { "": 17, [ONNX_ML]: 3 };

/** `TensorProto.DataType` */
const ELEMENT_TYPES = { float: 1, int64: 7, string: 8 } as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** A number fixes an axis, a name leaves it open: equal names, equal sizes. */
export type Shape = readonly (number | string)[];

/** Name, element type and shape of a graph's input or output. */
export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
}

/** A tensor that is part of the file. Row-major. */
export type Constant = { readonly name: string; readonly dims: readonly number[] } & (
  | { readonly type: "float" | "int64"; readonly data: ArrayLike<number> }
  | { readonly type: "string"; readonly data: readonly string[] }
);

/** The value of an attribute, under the kind that the operator's specification gives it. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: ArrayLike<number> }
  | { readonly floats: ArrayLike<number> }
  | { readonly strings: readonly string[] };

export interface Node {
  readonly operator: string;
  /** names of inputs, constants or other nodes' outputs; "" leaves an optional input out */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** "" for the standard operators, `ONNX_ML` for trees and encoders */
  readonly domain: string;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly constants: readonly Constant[];
  /** each after those whose outputs it reads */
  readonly nodes: readonly Node[];
}

export function valueInfo(name: string, type: ElementType, shape: Shape): ValueInfo {
  return { name, type, shape };
}

/** @throws {InvalidInputError} when there are more or fewer values than `dims` says, as the other two */
export function floats(name: string, dims: readonly number[], data: ArrayLike<number>): Constant {
  return checked({ name, type: "float", dims, data });
}

/** @param data integers in ±2^53 */
export function int64s(name: string, dims: readonly number[], data: ArrayLike<number>): Constant {
  return checked({ name, type: "int64", dims, data });
}

export function strings(name: string, dims: readonly number[], data: readonly string[]): Constant {
  return checked({ name, type: "string", dims, data });
}

export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  domain = "",
): Node {
  return { operator, inputs, outputs, attributes, domain };
}

/**
 * The bytes of an `.onnx` file. Equal graphs are equal bytes.
 *
 * @throws {InvalidInputError} for a node that reads a name which nothing before it writes, a name that is written
 *   twice, or an output that nothing writes
 */
export function encodeModel(graph: Graph): Uint8Array {
  checkNames(graph);
  const model = new MessageWriter().integer(1, IR_VERSION).text(2, "retune").message(7, encodeGraph(graph));
  for (const domain of new Set(["", ...graph.nodes.map((each) => each.domain)])) {
    const version = OPSET[domain];
    if (version === undefined)
      throw new InvalidInputError(`graph '${graph.name}': there is no operator set '${domain}'`);
    model.message(8, new MessageWriter().text(1, domain).integer(2, version));
  }
  return model.finish();
}

function checked(constant: Constant): Constant {
  const size = constant.dims.reduce((product, each) => product * each, 1);
  if (constant.data.length === size) return constant;
  throw new InvalidInputError(
    `constant '${constant.name}' has ${constant.data.length} values, its dims [${constant.dims}] expect ${size}`,
  );
}

function checkNames({ name, inputs, outputs, constants, nodes }: Graph): void {
  const known = new Set<string>();
  const write = (value: string) => {
    if (known.has(value)) throw new InvalidInputError(`graph '${name}': '${value}' is written twice`);
    known.add(value);
  };
  const read = (value: string, reader: string) => {
    if (value !== "" && !known.has(value))
      throw new InvalidInputError(
        `graph '${name}': ${reader} reads '${value}', which nothing before it writes`,
      );
  };
  for (const each of [...inputs, ...constants]) write(each.name);
  for (const each of nodes) {
    for (const input of each.inputs) read(input, each.operator);
    for (const output of each.outputs) if (output !== "") write(output);
  }
  for (const output of outputs) read(output.name, "an output");
}

function encodeGraph({ name, inputs, outputs, constants, nodes }: Graph): MessageWriter {
  const graph = new MessageWriter();
  for (const each of nodes) graph.message(1, encodeNode(each));
  graph.text(2, name);
  for (const each of constants) graph.message(5, encodeConstant(each));
  for (const each of inputs) graph.message(11, encodeValueInfo(each));
  for (const each of outputs) graph.message(12, encodeValueInfo(each));
  return graph;
}

function encodeNode({ operator, inputs, outputs, attributes, domain }: Node): MessageWriter {
  const encoded = new MessageWriter();
  for (const input of inputs) encoded.text(1, input);
  for (const output of outputs) encoded.text(2, output);
  encoded.text(4, operator);
  for (const [name, value] of Object.entries(attributes)) encoded.message(5, encodeAttribute(name, value));
  return domain === "" ? encoded : encoded.text(7, domain);
}

/** The last field is `AttributeProto.type`. */
function encodeAttribute(name: string, value: Attribute): MessageWriter {
  const attribute = new MessageWriter().text(1, name);
  if ("float" in value) return attribute.float(2, value.float).integer(20, 1);
  if ("int" in value) return attribute.integer(3, value.int).integer(20, 2);
  if ("string" in value) return attribute.text(4, value.string).integer(20, 3);
  if ("floats" in value) return attribute.floats(7, value.floats).integer(20, 6);
  if ("ints" in value) return attribute.integers(8, value.ints).integer(20, 7);
  for (const each of value.strings) attribute.text(9, each);
  return attribute.integer(20, 8);
}

function encodeConstant(constant: Constant): MessageWriter {
  const encoded = new MessageWriter();
  for (const size of constant.dims) encoded.integer(1, size);
  encoded.integer(2, ELEMENT_TYPES[constant.type]);
  if (constant.type === "string") for (const each of constant.data) encoded.text(6, each);
  encoded.text(8, constant.name);
  if (constant.type === "float") encoded.bytes(9, floatBytes(constant.data));
  if (constant.type === "int64") encoded.bytes(9, int64Bytes(constant.data));
  return encoded;
}

function encodeValueInfo({ name, type, shape }: ValueInfo): MessageWriter {
  const dims = new MessageWriter();
  for (const size of shape) {
    const dim = new MessageWriter();
    dims.message(1, typeof size === "number" ? dim.integer(1, size) : dim.text(2, size));
  }
  const tensor = new MessageWriter().integer(1, ELEMENT_TYPES[type]).message(2, dims);
  return new MessageWriter().text(1, name).message(2, new MessageWriter().message(1, tensor));
}
