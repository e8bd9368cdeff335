/** Small ONNX files for tests, written by hand: good ones of other layouts than the shipped model, and bad ones. */

type Field = readonly [number: number, value: number | string | Uint8Array];

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

/** One protobuf message: numbers as varints, everything else length-delimited. */
function message(...fields: readonly Field[]): Uint8Array {
  const bytes = fields.flatMap(([number, value]) => {
    if (typeof value === "number") return [...varint(number * 8), ...varint(value)];
    const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
    return [...varint(number * 8 + 2), ...varint(content.length), ...content];
  });
  return Uint8Array.from(bytes);
}

const FLOAT = 1;
const INT64 = 7;

function value(name: string, type: number, shape: readonly (number | string)[]): Uint8Array {
  const dims = shape.map((size): Field => [1, message([typeof size === "number" ? 1 : 2, size])]);
  const tensor = message([1, type], [2, message(...dims)]);
  return message([1, name], [2, message([1, tensor])]);
}

function constant(name: string, dims: readonly number[], data: Float32Array | BigInt64Array): Uint8Array {
  const type = data instanceof Float32Array ? FLOAT : INT64;
  const raw = new Uint8Array(data.buffer.slice(0));
  return message(...dims.map((size): Field => [1, size]), [2, type], [8, name], [9, raw]);
}

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  ...attributes: Uint8Array[]
): Uint8Array {
  const named = inputs.map((input): Field => [1, input]);
  return message(
    ...named,
    [2, output],
    [4, operator],
    ...attributes.map((attribute): Field => [5, attribute]),
  );
}

function model(parts: {
  inputs: Uint8Array[];
  outputs: Uint8Array[];
  nodes: Uint8Array[];
  constants: Uint8Array[];
}): Uint8Array {
  const graph = message(
    ...parts.nodes.map((bytes): Field => [1, bytes]),
    [2, "fixture"],
    ...parts.constants.map((bytes): Field => [5, bytes]),
    ...parts.inputs.map((bytes): Field => [11, bytes]),
    ...parts.outputs.map((bytes): Field => [12, bytes]),
  );
  return message([1, 8], [7, graph], [8, message([1, ""], [2, 13])]);
}

export interface LevelGraph {
  /** size or name of the input's two axes */
  readonly context: readonly [number | string, number | string];
  /** sizes of the output's last two axes */
  readonly block: readonly [number, number];
  /** added to the mean of the context, one per element of a block */
  readonly offset: (row: number, column: number) => number;
  readonly outputs?: readonly string[];
  /**
   * inputs beside the context. `attention_mask` float32 of its shape adds 100 for each step that it shows, `group_ids`
   * int64 [series] adds 10 000 times the group, `covariates` float32 [series, 8] nothing.
   */
  readonly beside?: readonly ("attention_mask" | "group_ids" | "covariates")[];
}

const TERMS: Partial<Record<string, string>> = { attention_mask: "shown", group_ids: "group_level" };

/** A graph that answers `mean of the context, missing values as 0, + offset`, whatever the context's length. */
export function levelGraph({
  context,
  block,
  offset,
  outputs = ["quantiles"],
  beside = [],
}: LevelGraph): Uint8Array {
  const [rows, columns] = block;
  const offsets = Float32Array.from({ length: rows * columns }, (_, i) =>
    offset(Math.floor(i / columns), i % columns),
  );
  const axes = message([1, "axes"], [8, 1], [20, 7]);
  const added = {
    attention_mask: [
      node("ReduceMean", ["attention_mask"], "share", axes),
      node("Mul", ["share", "hundred_per_step"], "shown"),
    ],
    group_ids: [
      node("Cast", ["group_ids"], "groups", message([1, "to"], [3, FLOAT], [20, 2])),
      node("Mul", ["groups", "ten_thousand"], "group_level"),
    ],
    covariates: [],
  };
  const shapes = {
    attention_mask: value("attention_mask", FLOAT, context),
    group_ids: value("group_ids", INT64, [context[0]]),
    covariates: value("covariates", FLOAT, [context[0], 8]),
  };
  const terms = beside.flatMap((name) => TERMS[name] ?? []);
  const levels = ["level", ...terms.map((_, i) => `level_${i + 1}`)];
  return model({
    inputs: [value("context", FLOAT, context), ...beside.map((name) => shapes[name])],
    outputs: outputs.map((name) => value(name, FLOAT, [context[0], rows, columns])),
    constants: [
      constant("zero", [1], new Float32Array(1)),
      constant("shape", [3], BigInt64Array.of(-1n, 1n, 1n)),
      constant("offsets", [1, rows, columns], offsets),
      constant("hundred_per_step", [1], Float32Array.of(100 * Number(context[1]))),
      constant("ten_thousand", [1], Float32Array.of(10_000)),
    ],
    nodes: [
      node("IsNaN", ["context"], "missing"),
      node("Where", ["missing", "zero", "context"], "filled"),
      node("ReduceMean", ["filled"], "mean", axes),
      node("Reshape", ["mean", "shape"], "level"),
      ...beside.flatMap((name) => added[name]),
      ...terms.flatMap((term, i) => [
        node("Reshape", [term, "shape"], `${term}_3d`),
        node("Add", [levels[i]!, `${term}_3d`], levels[i + 1]!),
      ]),
      ...outputs.map((name) => node("Add", [levels.at(-1)!, "offsets"], name)),
    ],
  });
}
