import { describe, expect, it } from "vitest";
import { uniformAt } from "../random.ts";
import { empiricalQuantile } from "../sampling.ts";
import { binEdges, fillBins } from "./bins.ts";
import {
  FEATURE_STRIDE,
  fillHistogram,
  GROUP,
  HistogramScratch,
  subtractHistogram,
  toFixedPoint,
} from "./histogram.ts";
import { selectQuantile } from "./select.ts";

function binsOf(column: Float32Array, edges: Float32Array): number[] {
  const bins = new Uint8Array(column.length);
  fillBins(column, edges, bins);
  return [...bins];
}

describe("bins", () => {
  it.each<[string, number[], number[], number[]]>([
    ["distinct values: edges halfway", [3, 1, 2, 1], [1.5, 2.5], [3, 1, 2, 1]],
    ["missing values: bin 0", [Number.NaN, 5, 6], [5.5], [0, 1, 2]],
    ["nothing but missing values", [Number.NaN, Number.NaN], [], [0, 0]],
    ["a constant", [4, 4], [], [1, 1]],
    ["neighbours among float32 numbers", [1, 1 + 2 ** -23], [1], [1, 2]],
  ])("%s", (_, column, edges, bins) => {
    const found = binEdges(Float32Array.from(column), 255);
    expect([...found]).toEqual(edges);
    expect(binsOf(Float32Array.from(column), found)).toEqual(bins);
  });

  it("hold about as many rows each where values are many", () => {
    const column = Float32Array.from({ length: 20_000 }, (_, i) => uniformAt(1, i) ** 3);
    const edges = binEdges(column, 50);
    expect(edges).toHaveLength(49);
    const counts = new Array<number>(51).fill(0);
    for (const bin of binsOf(column, edges)) counts[bin]! += 1;
    for (const count of counts.slice(1)) expect(Math.abs(count / 400 - 1)).toBeLessThan(0.05);
  });

  it("give a value that fills several bins one bin", () => {
    const column = Float32Array.from({ length: 1000 }, (_, i) => (i < 900 ? 0 : i));
    const edges = binEdges(column, 10);
    expect(edges.length).toBeLessThan(10);
    expect(edges[0]).toBeGreaterThanOrEqual(0);
    expect(edges[0]).toBeLessThan(1000);
  });
});

describe("histograms", () => {
  const rows = 1500;
  const draw = (key: number, i: number) => Math.floor(uniformAt(key, i) * 256);
  const words = [0, 1].map((group) =>
    Int32Array.from({ length: rows }, (_, i) =>
      [0, 1, 2, 3].reduce((word, f) => word | (draw(4 * group + f, i) << (8 * f)), 0),
    ),
  );
  const groups = Int32Array.of(0, 1);
  const all = Int32Array.from({ length: rows }, (_, i) => i);
  const gradients = Float64Array.from({ length: rows }, (_, i) => uniformAt(9, i) - 0.5);
  const packing = toFixedPoint(gradients);
  type Kind = "packed" | "counted" | "weighted";
  const hessianOf = (kind: Kind, row: number) => (kind === "weighted" ? uniformAt(8, row) : 1);
  const sums = (members: Int32Array, kind: Kind) => {
    const gradient = Float64Array.from(members, (row) => gradients[row]!);
    const hessian = kind === "weighted" ? Float64Array.from(members, (row) => hessianOf(kind, row)) : null;
    const histogram = new Float64Array(2 * GROUP * FEATURE_STRIDE).fill(99);
    const node = { rows: members, gradient, hessian, packing: kind === "packed" ? packing : null };
    fillHistogram(words, groups, node, histogram, new HistogramScratch(rows));
    return histogram;
  };

  it.each(["packed", "counted", "weighted"] as const)("hold the %s sums of each bin", (kind) => {
    const histogram = sums(all, kind);
    for (let f = 0; f < 8; f += 1) {
      const expected = new Float64Array(FEATURE_STRIDE);
      for (const row of all) {
        expected[2 * draw(f, row)]! += gradients[row]!;
        expected[2 * draw(f, row) + 1]! += hessianOf(kind, row);
      }
      const difference = expected.map((value, i) => Math.abs(value - histogram[f * FEATURE_STRIDE + i]!));
      expect(Math.max(...difference)).toBeLessThan(1e-12);
    }
  });

  it("packed and counted are equal to the last bit, in any order of the rows", () => {
    expect(sums(all.toReversed(), "packed")).toEqual(sums(all, "counted"));
  });

  it("of a node without one child is its sibling's, to the last bit", () => {
    const parent = sums(all, "packed");
    const features = Int32Array.from({ length: 8 }, (_, f) => f);
    subtractHistogram(parent, sums(all.subarray(0, 300), "packed"), features, new Int32Array(8).fill(256));
    expect(parent).toEqual(sums(all.subarray(300), "packed"));
  });

  it("fixed-point gradients are as good as 16 bits at least, or none", () => {
    const exact = Float64Array.from({ length: 200_000 }, (_, i) => 1e5 * (uniformAt(3, i) - 0.5));
    const rounded = exact.slice();
    expect(toFixedPoint(rounded)).not.toBeNull();
    const worst = rounded.reduce((most, value, i) => Math.max(most, Math.abs(value - exact[i]!)), 0);
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(5e4 / 2 ** 16);
    expect(toFixedPoint(new Float64Array(2 ** 18).fill(1))).toBeNull();
    expect(toFixedPoint(new Float64Array(9))).toBeNull();
  });
});

describe("selectQuantile", () => {
  it.each([1, 2, 5, 100, 1001])("agrees with a sort on %i values, ties among them", (n) => {
    const values = Float64Array.from({ length: n }, (_, i) => Math.floor(uniformAt(n, i) * 50) - 20);
    const sorted = values.toSorted();
    for (const p of [0, 0.1, 0.25, 0.5, 0.9, 1])
      expect(selectQuantile(values.slice(), p)).toBeCloseTo(empiricalQuantile(sorted, p), 12);
  });
});
