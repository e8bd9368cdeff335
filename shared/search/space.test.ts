import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dimension } from "./dimension.ts";
import { spaces, units } from "./space.fixture.ts";
import {
  allPoints,
  defaultPoint,
  defineSpace,
  hasPoint,
  nearestPoint,
  placeOf,
  pointAt,
  pointCount,
  pointKey,
} from "./space.ts";

describe("a search space (A-OPT-6)", () => {
  const families = defineSpace([
    { name: "learning_rate", kind: "float", min: 0.01, max: 1, log: true, when: { model: ["gbdt"] } },
    { name: "model", kind: "choice", choices: ["linear", "gbdt"] },
    { name: "context_length", kind: "choice", choices: [365, 90, 180] },
    { name: "depth", kind: "integer", min: 2, max: 8, when: { model: ["gbdt"] } },
  ]);

  it("puts what others depend on first and numeric choices in order", () => {
    expect(families.dimensions.map(({ name }) => name)).toEqual([
      "model",
      "learning_rate",
      "context_length",
      "depth",
    ]);
    expect(families.dimensions[2]).toMatchObject({ choices: [90, 180, 365] });
  });

  it("leaves out dimensions whose condition does not hold", () => {
    expect(pointAt(families, [0.1, 0.5, 0.5, 0.5])).toEqual({ model: "linear", context_length: 180 });
    const point = pointAt(families, [0.9, 0.5, 0.99, 0]);
    expect(point).toEqual({ model: "gbdt", learning_rate: 0.1, context_length: 365, depth: 2 });
    expect(placeOf(families, { model: "linear", context_length: 180 })[1]).toBeNaN();
  });

  it("has defaults: the declared, the middle of a scale, the first of other choices", () => {
    expect(defaultPoint(families)).toEqual({ model: "linear", context_length: 180 });
    const declared: Dimension[] = [{ name: "x", kind: "float", min: 0, max: 1, default: 0.2 }];
    expect(defaultPoint(defineSpace(declared))).toEqual({ x: 0.2 });
  });

  it("moves values from outside to the nearest inside", () => {
    const incumbent = { model: "gbdt", learning_rate: 7, context_length: 300, depth: 4.4, horizon: 5 };
    expect(nearestPoint(families, incumbent)).toEqual({
      ...{ model: "gbdt", learning_rate: 1, context_length: 365, depth: 4 },
    });
    expect(nearestPoint(families, { model: "chronos-bolt", context_length: Number.NaN })).toEqual({
      model: "linear",
      context_length: 180,
    });
  });

  it("enumerates a grid with conditions, the last dimension fastest", () => {
    const grid = defineSpace([
      { name: "model", kind: "choice", choices: ["linear", "gbdt"] },
      { name: "rate", kind: "float", min: 0.1, max: 0.3, step: 0.1, when: { model: ["gbdt"] } },
    ]);
    expect([...allPoints(grid)]).toEqual([
      { model: "linear" },
      { model: "gbdt", rate: 0.1 },
      { model: "gbdt", rate: 0.2 },
      { model: "gbdt", rate: 0.3 },
    ]);
    expect(pointCount(grid)).toBe(4);
    expect(pointCount(families)).toBe(Number.POSITIVE_INFINITY);
    expect(() => [...allPoints(families)]).toThrow(/'learning_rate': a grid needs choices or a step/);
  });

  it("gives each integer of a logarithmic scale its share, both ends included", () => {
    const space = defineSpace([{ name: "k", kind: "integer", min: 1, max: 1000, log: true }]);
    const at = (unit: number) => pointAt(space, [unit]).k;
    expect([at(0), at(0.05), at(0.5), at(1)]).toEqual([1, 1, 22, 1000]);
  });

  it.each<[string, Dimension[], RegExp]>([
    ["nothing", [], /no dimensions/],
    ["one name twice", [flag("a"), flag("a")], /'a': the name is used twice/],
    ["an empty name", [flag("")], /empty name/],
    ["no choices", [{ name: "a", kind: "choice", choices: [] }], /'a': choices is empty/],
    [
      "NaN among choices",
      [{ name: "a", kind: "choice", choices: [1, Number.NaN] }],
      /'a': choices holds NaN/,
    ],
    [
      "a range upside down",
      [{ name: "a", kind: "float", min: 2, max: 1 }],
      /'a': min is 2, expected at most/,
    ],
    ["an endless range", [{ name: "a", kind: "float", min: 0, max: Infinity }], /'a': max is Infinity/],
    ["half an integer", [{ name: "a", kind: "integer", min: 0.5, max: 2 }], /'a': min is 0.5/],
    [
      "log of zero",
      [{ name: "a", kind: "float", min: 0, max: 1, log: true }],
      /'a': min is 0, expected more/,
    ],
    ["log with steps", [{ name: "a", kind: "float", min: 1, max: 2, log: true, step: 1 }], /'a': step is 1/],
    ["a step back", [{ name: "a", kind: "integer", min: 1, max: 2, step: -1 }], /'a': step is -1/],
    ["a default outside", [{ name: "a", kind: "float", min: 0, max: 1, default: 3 }], /'a': default is 3/],
    ["an unknown parent", [{ ...flag("a"), when: { b: [true] } }], /'a': when: there is no dimension 'b'/],
    ["an unknown value", [flag("b"), { ...flag("a"), when: { b: [3] } }], /3 is no choice of 'b'/],
    [
      "a circle",
      [
        { ...flag("a"), when: { b: [true] } },
        { ...flag("b"), when: { a: [true] } },
      ],
      /in a circle/,
    ],
    [
      "a condition on a range",
      [
        { name: "b", kind: "float", min: 0, max: 1 },
        { ...flag("a"), when: { b: [1] } },
      ],
      /'b' is a range/,
    ],
  ])("refuses %s", (_, dimensions, message) => {
    expect(() => defineSpace(dimensions)).toThrow(message);
  });

  it("every place of the cube is a point of the space, and its place gives the point back", () => {
    fc.assert(
      fc.property(spaces, units, (space, unit) => {
        const point = pointAt(space, unit);
        expect(hasPoint(space, point)).toBe(true);
        expect(nearestPoint(space, point)).toEqual(point);
        const again = pointAt(space, placeOf(space, point));
        expect(Object.keys(again)).toEqual(Object.keys(point));
        for (const [name, value] of Object.entries(point))
          if (typeof value === "number") expect(again[name]).toBeCloseTo(value, 9);
          else expect(again[name]).toBe(value);
      }),
    );
  });

  it("a key does not depend on the order of fields", () => {
    expect(pointKey({ a: 1, b: "1" })).toBe(pointKey({ b: "1", a: 1 }));
    expect(pointKey({ a: 1 })).not.toBe(pointKey({ a: "1" }));
  });
});

function flag(name: string): Dimension {
  return { name, kind: "choice", choices: [true, false] };
}
