import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../errors.ts";
import { uniforms } from "../../statistics/lcg.fixture.ts";
import { ModelMismatchError } from "../manifest.ts";
import { normalQuantile } from "../normal.ts";
import { NINE_LEVELS } from "../quantile-forecast.ts";
import { nonNegativeLeastSquares } from "./nnls.ts";
import { reportOf } from "./report.ts";
import { decodeForecasts, encodeForecasts, type StoredForecasts } from "./stored-forecasts.ts";
import { combinedLoss, targetsOf } from "./targets.ts";
import { reweigh } from "./weights.ts";

const draws = uniforms(11, 6000);
const noise = (i: number) => draws[3 * i]! + draws[3 * i + 1]! + draws[3 * i + 2]! - 1.5;

/** A Gaussian law about each centre, for each member. */
function stored(
  members: Record<string, (t: number) => number>,
  truth: (t: number) => number,
  sd = 1,
): StoredForecasts {
  const horizon = 4;
  const law = (center: number) => NINE_LEVELS.map((level) => center + sd * normalQuantile(level));
  return {
    horizon,
    members: Object.keys(members),
    windows: Array.from({ length: 40 }, (_, w) => ({
      entity: null,
      cutoffMs: w,
      scale: 2,
      actual: Float32Array.from({ length: horizon }, (_, h) => truth(w * horizon + h)),
      forecasts: Object.values(members).map((center) =>
        Float32Array.from(Array.from({ length: horizon }, (_, h) => law(center(w * horizon + h))).flat()),
      ),
    })),
  };
}

const truth = (t: number) => 20 + 5 * Math.sin(t) + noise(t);
const half = stored(
  {
    high: (t) => truth(t) + 4 + noise(t + 500),
    low: (t) => truth(t) - 4 + noise(t + 900),
    "chronos-bolt": () => 20,
  },
  truth,
);

describe("non-negative least squares (Lawson & Hanson)", () => {
  const solve = (a: number[][], y: number[]) => {
    const n = a[0]!.length;
    const ata = Float64Array.from({ length: n * n }, (_, k) =>
      a.reduce((sum, row) => sum + row[Math.floor(k / n)]! * row[k % n]!, 0),
    );
    const aty = Float64Array.from({ length: n }, (_, i) =>
      a.reduce((sum, row, r) => sum + row[i]! * y[r]!, 0),
    );
    return nonNegativeLeastSquares(ata, aty);
  };

  it.each([
    [
      "a solution inside",
      [
        [1, 0],
        [1, 1],
        [0, 1],
      ],
      [2, 3, 1],
      [2, 1],
    ],
    [
      "one on the edge, as scipy.optimize.nnls",
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [1, -1, 2],
      [8 / 35, 0],
    ],
    [
      "nothing but 0",
      [
        [1, 0],
        [0, 1],
      ],
      [-1, -2],
      [0, 0],
    ],
    [
      "a column that repeats another",
      [
        [1, 1],
        [2, 2],
      ],
      [1, 2],
      [1, 0],
    ],
  ])("finds %s", (_, a, y, expected) => {
    const x = solve(a, y);
    expected.forEach((value, i) => {
      expect(x[i]).toBeCloseTo(value, 8);
    });
  });

  it("satisfies the Karush-Kuhn-Tucker conditions on random problems", () => {
    for (let k = 0; k < 30; k += 1) {
      const at = (i: number) => draws[(k * 97 + i) % draws.length]! - 0.4;
      const a = Array.from({ length: 12 }, (_, r) => Array.from({ length: 6 }, (_, c) => at(r * 6 + c)));
      const y = Array.from({ length: 12 }, (_, r) => at(100 + r));
      const x = solve(a, y);
      const residual = a.map((row, r) => y[r]! - row.reduce((sum, value, c) => sum + value * x[c]!, 0));
      for (let c = 0; c < 6; c += 1) {
        const slope = a.reduce((sum, row, r) => sum + row[c]! * residual[r]!, 0);
        expect(x[c]).toBeGreaterThanOrEqual(0);
        if (x[c]! > 0) expect(Math.abs(slope)).toBeLessThan(1e-8);
        else expect(slope).toBeLessThan(1e-8);
      }
    }
  });
});

describe("ensemble weights (A-OPT-9, E-ENS-1)", () => {
  it.each(["pinball", "nnls"] as const)("by %s balance members that err to opposite sides", (weighting) => {
    const [high, low, flat] = reweigh(half, weighting);
    expect(high! + low! + flat!).toBeCloseTo(1, 12);
    expect(Math.abs(high! - low!)).toBeLessThan(0.1);
    expect(flat).toBeLessThan(0.1);
  });

  it("by pinball reach the least loss on a fine grid of the simplex, within 0.2 %", () => {
    const targets = targetsOf(half, [0, 1, 2]);
    let least = Infinity;
    for (let i = 0; i <= 100; i += 1)
      for (let j = 0; i + j <= 100; j += 1)
        least = Math.min(
          least,
          combinedLoss(targets, Float64Array.of(i / 100, j / 100, (100 - i - j) / 100)),
        );
    expect(combinedLoss(targets, reweigh(half, "pinball"))).toBeLessThan(1.002 * least);
  });

  it.each(["pinball", "nnls"] as const)("by %s are all of one member that is right", (weighting) => {
    const one = stored({ good: truth, bad: (t) => truth(t) + 9, worse: () => 0 }, truth, 0.01);
    expect([...reweigh(one, weighting)]).toEqual([1, 0, 0]);
  });

  it("renormalise over the members that are left", () => {
    const weights = reweigh(half, "equal", ["low", "chronos-bolt"]);
    expect([...weights]).toEqual([0, 0.5, 0.5]);
  });

  it("are equal where members say the same", () => {
    const same = stored({ a: () => 3, b: () => 3 }, truth);
    expect([...reweigh(same, "nnls")]).toEqual([0.5, 0.5]);
    expect([...reweigh(same, "pinball")]).toEqual([0.5, 0.5]);
  });

  it("need no unit: a series a million times as large gets the same", () => {
    const large = {
      ...half,
      windows: half.windows.map((window) => ({
        ...window,
        scale: window.scale * 1024,
        actual: window.actual.map((value) => value * 1024),
        forecasts: window.forecasts.map((values) => values.map((value) => value * 1024)),
      })),
    };
    expect(reweigh(large, "pinball")).toEqual(reweigh(half, "pinball"));
  });

  it("refuse to be found on nothing", () => {
    const empty = {
      ...half,
      windows: half.windows.map((w) => ({ ...w, actual: w.actual.map(() => Number.NaN) })),
    };
    expect(() => reweigh(empty, "pinball")).toThrow(InvalidInputError);
    expect(() => reweigh(half, "pinball", ["nobody"])).toThrow(/none of the ensemble's members high, low/);
  });
});

describe("report of an ensemble (E-ENS-1)", () => {
  it.each([
    ["below", [0.5, 0.45, 0.05], /chronos-bolt has 5.0 % of the weight, below 10 %/],
    ["above", [0.25, 0.25, 0.5], /50.0 % of the weight, above 40 %/],
  ])("flags a foundation model with a weight %s 10 to 40 %%", (_, weights, flag) => {
    expect(reportOf(half, Float64Array.from(weights), "equal").foundation?.flag).toMatch(flag);
  });

  it("flags nothing within, and says how it does against ARIMA and VAR and what the others do without it", () => {
    const members = {
      arima: (t: number) => truth(t) + 1,
      var: (t: number) => truth(t) + 3,
      "chronos-bolt": (t: number) => truth(t) - 0.5,
    };
    const forecasts = stored(members, truth, 0.1);
    const { foundation, losses, weights } = reportOf(forecasts, Float64Array.of(0.4, 0.3, 0.3), "pinball");
    expect(foundation).toMatchObject({ member: "chronos-bolt", weight: 0.3, flag: null });
    expect(foundation!.against_classical).toBeCloseTo(losses["chronos-bolt"]! / losses.arima!, 12);
    expect(foundation!.against_classical).toBeLessThan(1);
    expect(foundation!.loss_without).toBeCloseTo(losses.arima!, 3);
    expect(weights).toEqual({ arima: 0.4, var: 0.3, "chronos-bolt": 0.3 });
  });

  it("has no foundation part without one", () => {
    const plain = stored({ arima: truth }, truth);
    expect(reportOf(plain, Float64Array.of(1), "equal").foundation).toBeNull();
  });
});

describe("stored forecasts", () => {
  const bytes = encodeForecasts(half);
  it("come back as they were stored", () => expect(decodeForecasts(bytes, "b")).toEqual(half));
  it.each([
    ["cut short", bytes.slice(0, -4), /has \d+ bytes, its header promises/],
    ["of something else", Uint8Array.of(9, 9, 9, 9, 1), /'b' holds no stored forecasts/],
    ["empty", new Uint8Array(0), /'b' holds no stored forecasts/],
  ])("refuse bytes %s", (_, broken, message) => {
    expect(() => decodeForecasts(broken, "b")).toThrow(message);
    expect(() => decodeForecasts(broken, "b")).toThrow(ModelMismatchError);
  });
});
