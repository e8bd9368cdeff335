import { describe, expect, it } from "vitest";
import { uniforms } from "../statistics/lcg.fixture.ts";
import { addRow, emptyProducts, ridgeRegression } from "./ridge-regression.ts";

function productsOf(rows: readonly (readonly number[])[], targets: readonly (readonly number[])[]) {
  const products = emptyProducts(rows[0]!.length, targets[0]!.length);
  rows.forEach((row, r) => {
    addRow(products, Float64Array.from(row), Float64Array.from(targets[r]!));
  });
  return products;
}

const draws = uniforms(7, 300);
const rows = Array.from({ length: 100 }, (_, r) => [1, draws[3 * r]!, draws[3 * r + 1]!]);

describe("ridge regression", () => {
  it("finds the weights of exact rows, for several targets at once", () => {
    const targets = rows.map(([, a, b]) => [2 + 3 * a! - b!, b!]);
    const weights = ridgeRegression(productsOf(rows, targets), 1e-12, new Set([0]));
    [2, 0, 3, 0, -1, 1].forEach((weight, i) => {
      expect(weights[i]).toBeCloseTo(weight, 6);
    });
  });

  it("pulls weights towards 0 and leaves the free ones alone", () => {
    const targets = rows.map(([, a]) => [5 + a!]);
    const weights = ridgeRegression(productsOf(rows, targets), 1e5, new Set([0]));
    expect(weights[0]).toBeCloseTo(5.5, 0);
    expect(Math.abs(weights[1]!)).toBeLessThan(1e-3);
  });

  it("shares the weight of inputs that are copies of each other", () => {
    const copies = rows.map(([, a]) => [a!, a!]);
    const weights = ridgeRegression(
      productsOf(
        copies,
        rows.map(([, a]) => [4 * a!]),
      ),
      1e-30,
    );
    expect(weights[0]).toBeCloseTo(2, 2);
    expect(weights[1]).toBeCloseTo(2, 2);
  });

  it("has no weights where all inputs are 0", () => {
    expect([...ridgeRegression(productsOf([[0, 0]], [[3]]), 0.1)]).toEqual([0, 0]);
  });
});
