import { describe, expect, it } from "vitest";
import { uniform } from "../../forecasting/random.ts";
import { at, covarianceOf, covarianceWith, type Matrix, symmetric, varianceOf } from "./covariance.ts";
import { projectToCappedSimplex } from "./simplex.ts";
import { maximumSharpe, minimumVariance, riskParity } from "./weights.ts";

/** Returns of five assets in 60 bars, as the Python that computed the figures below has them. */
const returns = Array.from({ length: 5 }, (_, i) =>
  Float64Array.from(
    { length: 60 },
    (_, t) =>
      0.01 * Math.sin(1.3 * t + i * i) +
      0.006 * (i + 1) * Math.cos(0.7 * t * (i + 1)) +
      0.004 * Math.sin(2.1 * t),
  ),
);
const covariance = covarianceOf(returns, "constant-correlation");

function matrix(rows: readonly (readonly number[])[]): Matrix {
  return symmetric(rows.length, (i, j) => rows[i]![j]!);
}

function close(expected: readonly number[], digits = 9): number[] {
  return expected.map((each) => expect.closeTo(each, digits));
}

/** A random covariance of n assets, better conditioned the larger `own` is. */
function randomCovariance(seed: number, n: number, own = 0.1): Matrix {
  const factor = (i: number, k: number) => uniform(seed, i, k) - 0.5;
  return symmetric(n, (i, j) => {
    let total = i === j ? own : 0;
    for (let k = 0; k < n; k += 1) total += factor(i, k) * factor(j, k);
    return total;
  });
}

describe("covariance with shrinkage (B-RSK-1)", () => {
  it("towards identity is that of scikit-learn's ledoit_wolf", () => {
    const shrunk = covarianceOf(returns, "identity");
    expect(shrunk.shrinkage).toBeCloseTo(0.06892022647032141, 12);
    expect(at(shrunk, 0, 0)).toBeCloseTo(9.030734126285367e-5, 15);
    expect(at(shrunk, 0, 1)).toBeCloseTo(3.38652806054625e-5, 15);
    expect(at(shrunk, 4, 2)).toBeCloseTo(5.361656929588221e-5, 15);
  });

  it("towards constant correlation is that of the paper's appendix, computed by loops in Python", () => {
    expect(covariance.shrinkage).toBeCloseTo(0.07751211844424061, 12);
    expect(at(covariance, 0, 1)).toBeCloseTo(3.390007552320014e-5, 15);
    expect(at(covariance, 4, 2)).toBeCloseTo(5.426653599489118e-5, 15);
  });

  it("makes the covariance of more assets than bars positive definite", () => {
    const few = Array.from({ length: 12 }, (_, i) =>
      Float64Array.from({ length: 6 }, (_, t) => uniform(3, i, t) - 0.5),
    );
    const shrunk = covarianceOf(few, "identity");
    expect(shrunk.shrinkage).toBeGreaterThan(0.1);
    const best = minimumVariance(shrunk);
    expect(varianceOf(shrunk, best)).toBeGreaterThan(1e-4);
  });

  it("leaves out bars in which a return is missing", () => {
    const gap = returns.map((row, i) => Float64Array.of(...row, i === 2 ? Number.NaN : 0.5));
    expect(covarianceOf(gap, "constant-correlation")).toEqual(covariance);
  });

  it.each<[string, readonly Float64Array[], RegExp]>([
    ["no asset", [], /no assets/],
    ["lengths that differ", [Float64Array.of(1, 2), Float64Array.of(1)], /asset 1 has 1 returns, expected 2/],
    ["one whole bar", [Float64Array.of(1, Number.NaN), Float64Array.of(1, 2)], /1 bars have a return/],
    ["a price that never moves", [Float64Array.of(1, 2), Float64Array.of(0, 0)], /asset 1 has a return of 0/],
  ])("refuses %s", (_name, given, message) => {
    expect(() => covarianceOf(given, "identity")).toThrow(message);
  });
});

describe("weights of least variance (B-RSK-1)", () => {
  it("of two assets are the closed form (σ₂² − σ₁₂) / (σ₁² + σ₂² − 2σ₁₂)", () => {
    const first = (0.09 - 0.01) / (0.04 + 0.09 - 0.02);
    expect([...minimumVariance(matrix([[0.04], [0.01, 0.09]]))]).toEqual(close([first, 1 - first], 12));
  });

  it("of independent assets go with 1 / σ²", () => {
    const weights = minimumVariance(matrix([[1], [0, 2], [0, 0, 4]]));
    expect([...weights]).toEqual(close([4 / 7, 2 / 7, 1 / 7], 10));
  });

  it("leave out what a long-only portfolio would sell short", () => {
    expect([...minimumVariance(matrix([[0.01], [0.019, 0.04]]))]).toEqual([1, 0]);
  });

  it("are those of scipy's SLSQP, capped or not", () => {
    expect([...minimumVariance(covariance)]).toEqual(close([0.46584, 0.19229, 0.21533, 0.10492, 0.02162], 4));
    expect([...minimumVariance(covariance, 0.35)]).toEqual(
      close([0.35, 0.27845, 0.24196, 0.10131, 0.02827], 4),
    );
  });

  it.each([1, 2, 3, 4, 5])(
    "fulfil the conditions of Karush, Kuhn and Tucker: random covariance %d",
    (seed) => {
      const random = randomCovariance(seed, 12);
      const cap = 0.2;
      const weights = minimumVariance(random, cap);
      const slopes = covarianceWith(random, weights);
      const level = (kept: (weight: number) => boolean) => slopes.filter((_, i) => kept(weights[i]!));
      const inside = level((weight) => weight > 0 && weight < cap);
      const [least, most] = [Math.min(...inside), Math.max(...inside)];
      expect(most - least).toBeLessThan(1e-9);
      for (const slope of level((weight) => weight === 0)) expect(slope).toBeGreaterThan(most - 1e-9);
      for (const slope of level((weight) => weight === cap)) expect(slope).toBeLessThan(least + 1e-9);
      expect(weights.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 12);
    },
  );
});

describe("weights of the highest Sharpe ratio (B-RSK-1)", () => {
  it("of independent assets go with μ / σ²", () => {
    const weights = maximumSharpe(matrix([[1], [0, 2], [0, 0, 4]]), [1, 1, 3])!;
    expect([...weights]).toEqual(close([4 / 9, 2 / 9, 3 / 9], 8));
  });

  it("are those of scipy's SLSQP, capped or not", () => {
    const means = [0.001, 0.0018, 0.0005, 0.0022, 0.003];
    const ratio = (weights: ArrayLike<number>) =>
      means.reduce((sum, mean, i) => sum + mean * weights[i]!, 0) /
      Math.sqrt(varianceOf(covariance, weights));
    const scipy = [0.33196054, 0.35007838, 0.10952761, 0.03666423, 0.17176924];
    const weights = maximumSharpe(covariance, means)!;
    expect([...weights]).toEqual(close(scipy, 3));
    expect(ratio(weights)).toBeGreaterThanOrEqual(ratio(scipy) - 1e-9);
    const capped = maximumSharpe(covariance, means, 0.3)!;
    expect(Math.max(...capped)).toBeLessThanOrEqual(0.3);
    expect(ratio(capped)).toBeLessThan(ratio(weights));
  });

  it("have a ratio that no random portfolio within the caps beats", () => {
    for (const seed of [1, 2, 3]) {
      const random = randomCovariance(seed, 8);
      const means = Array.from({ length: 8 }, (_, i) => uniform(seed, 99, i) - 0.4);
      const ratio = (weights: ArrayLike<number>) =>
        means.reduce((sum, mean, i) => sum + mean * weights[i]!, 0) / Math.sqrt(varianceOf(random, weights));
      const best = ratio(maximumSharpe(random, means, 0.5)!);
      for (let k = 0; k < 300; k += 1) {
        const other = projectToCappedSimplex(
          Float64Array.from({ length: 8 }, (_, i) => uniform(seed, k, i)),
          0.5,
        );
        expect(ratio(other)).toBeLessThanOrEqual(best + 1e-12);
      }
    }
  });

  it("are of the winner alone where one asset gains", () => {
    expect([...maximumSharpe(matrix([[1], [0.5, 1]]), [-1, 2])!]).toEqual(close([0, 1], 9));
  });

  it("do not exist where nothing within the caps gains", () => {
    expect(maximumSharpe(matrix([[1], [0, 1]]), [-1, -2])).toBeNull();
    expect(maximumSharpe(matrix([[1], [0, 1]]), [-1, 0.5], 0.5)).toBeNull();
  });
});

describe("risk parity (B-RSK-1)", () => {
  it("of equally correlated assets goes with 1 / σ", () => {
    const [a, b, c] = [1, 2, 4];
    const rho = 0.3;
    const equal = matrix([[a * a], [rho * a * b, b * b], [rho * a * c, rho * b * c, c * c]]);
    const total = 1 / a + 1 / b + 1 / c;
    expect([...riskParity(equal)]).toEqual(close([1 / a / total, 1 / b / total, 1 / c / total], 10));
  });

  it("lets each asset contribute the same share of the variance", () => {
    for (const each of [covariance, randomCovariance(1, 10), randomCovariance(2, 10)]) {
      const weights = riskParity(each);
      const shares = covarianceWith(each, weights).map(
        (slope, i) => (slope * weights[i]!) / varianceOf(each, weights),
      );
      for (const share of shares) expect(share).toBeCloseTo(1 / each.size, 9);
    }
  });

  it("keeps to a cap", () => {
    const weights = riskParity(matrix([[1], [0, 100], [0, 0, 100]]), 0.5);
    expect(weights[0]).toBe(0.5);
    expect(weights[1]).toBeCloseTo(0.25, 12);
  });
});

describe("projection to capped weights (B-RSK-1)", () => {
  it.each<[readonly number[], number, readonly number[]]>([
    [[0.2, 0.3, 0.5], 1, [0.2, 0.3, 0.5]],
    [[2, 0], 1, [1, 0]],
    [[0.5, 0.5, 0.5], 1, [1 / 3, 1 / 3, 1 / 3]],
    [[0.9, 0.1, 0], 0.5, [0.5, 0.3, 0.2]],
    [[-5, -5, -5, -4], 0.4, [0.2, 0.2, 0.2, 0.4]],
    [[1, 0, 0, 0], 0.25, [0.25, 0.25, 0.25, 0.25]],
  ])("of %j at most %d is %j", (given, cap, expected) => {
    expect([...projectToCappedSimplex(given, cap)]).toEqual(close(expected, 12));
  });

  it("is the nearest of many feasible points, and a point within stays", () => {
    const feasible = (k: number) =>
      projectToCappedSimplex(
        Float64Array.from({ length: 6 }, (_, i) => uniform(11, k, i)),
        0.3,
      );
    const far = Float64Array.from({ length: 6 }, (_, i) => 3 * uniform(12, i) - 1);
    const distance = (a: Float64Array) => a.reduce((sum, each, i) => sum + (each - far[i]!) ** 2, 0);
    const nearest = distance(projectToCappedSimplex(far, 0.3));
    for (let k = 0; k < 200; k += 1) {
      const point = feasible(k);
      expect(distance(point)).toBeGreaterThanOrEqual(nearest - 1e-12);
      expect([...projectToCappedSimplex(point, 0.3)]).toEqual(close([...point], 12));
    }
  });

  it("refuses caps that leave no room for the whole", () => {
    expect(() => projectToCappedSimplex([1, 2, 3], 0.3)).toThrow(/more than 0.3 .* at least 1 \/ 3/);
    expect(() => minimumVariance(covariance, 0.1)).toThrow(/at least 1 \/ 5/);
  });
});
