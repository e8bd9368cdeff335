import { describe, expect, it } from "vitest";
import { defineSpace } from "../space.ts";
import { logExpectedImprovement } from "./expected-improvement.ts";
import { fitParameters } from "./fit.ts";
import { GaussianProcess } from "./gaussian-process.ts";
import { featuresOf } from "./kernel.ts";

/** Values by place on a line. */
const observed = (...pairs: [number, number][]) => ({
  features: pairs.map(([x]) => Float64Array.of(x)),
  dimensions: [0],
  values: Float64Array.from(pairs, ([, y]) => y),
});
/** scikit-learn 1.7: `GaussianProcessRegressor(Matern(0.3, nu=2.5), alpha=1e-4, optimizer=None)`. */
const SCIKIT = {
  predictions: [
    [0, 0.9998429801, 0.0099994285],
    [0.2, -0.0243874235, 0.4641918629],
    [0.55, -0.889680517, 0.520611903],
    [0.8, 0.007172252, 0.6347051712],
  ],
  logLikelihood: -4.4668408815,
} as const;
const parameters = { lengths: Float64Array.of(Math.log(0.3)), variance: 0, noise: Math.log(1e-4) };

describe("a Gaussian process", () => {
  it("agrees with scikit-learn's regressor with the same Matérn kernel", () => {
    const process = new GaussianProcess(observed([0, 1], [0.4, -1], [1, 0.5]), parameters);
    for (const [x, mean, std] of SCIKIT.predictions) {
      const found = process.predict(Float64Array.of(x));
      expect(found.mean).toBeCloseTo(mean, 6);
      expect(found.std).toBeCloseTo(std, 6);
    }
    expect(process.logLikelihood).toBeCloseTo(SCIKIT.logLikelihood, 6);
  });

  it("takes places that repeat, with different values and without noise", () => {
    const silent = { ...parameters, noise: -60 };
    const process = new GaussianProcess(observed([0.5, 1], [0.5, 2], [0.5, 3]), silent);
    expect(process.predict(Float64Array.of(0.5)).mean).toBeCloseTo(2, 3);
  });

  it("believing in a place leaves the mean and takes its uncertainty", () => {
    const process = new GaussianProcess(observed([0, 1], [1, -1]), parameters);
    const at = Float64Array.of(0.5);
    const believing = process.believing([at]);
    expect(believing.predict(at).mean).toBeCloseTo(process.predict(at).mean, 6);
    expect(believing.predict(at).std).toBeLessThan(0.02);
    expect(process.predict(at).std).toBeGreaterThan(0.2);
  });

  it("fits a long length scale to a dimension without influence", () => {
    const features = Array.from({ length: 25 }, (_, i) =>
      Float64Array.of((i % 5) / 4, Math.floor(i / 5) / 4),
    );
    const values = Float64Array.from(features, ([x]) => Math.sin(6 * x!));
    const [used, idle] = fitParameters({ features, dimensions: [0, 1], values }, 2, 7).lengths;
    expect(Math.exp(idle!)).toBeGreaterThan(2 * Math.exp(used!));
  });

  it("sees an ordered dimension as one column, another choice as one for each value", () => {
    const features = featuresOf(
      defineSpace([
        { name: "loss", kind: "choice", choices: ["l1", "l2"] },
        { name: "size", kind: "choice", choices: [1, 10, 100], when: { loss: ["l2"] } },
      ]),
    );
    expect(features.dimensions).toEqual([0, 0, 1]);
    expect([...features.of({ loss: "l2", size: 100 })]).toEqual([0, 1, 5 / 6]);
    expect([...features.of({ loss: "l1" })]).toEqual([1, 0, 0.5]);
  });
});

describe("expected improvement", () => {
  it.each([
    [0, 1, 0, Math.log(1 / Math.sqrt(2 * Math.PI))],
    [1, 0.5, 0, Math.log(0.5 * 0.00849070261)],
    [0, 0, 1, 0],
    [1, 0, 0, -Infinity],
  ])("of N(%f, %f²) on %f", (mean, std, best, expected) => {
    expect(logExpectedImprovement(mean, std, best)).toBeCloseTo(expected, 6);
  });

  it("falls without a jump where the formula changes, and has an order far beyond", () => {
    const near = logExpectedImprovement(4.9999, 1, 0);
    const beyond = logExpectedImprovement(5.0001, 1, 0);
    expect(near).toBeGreaterThan(beyond);
    expect(near - beyond).toBeLessThan(0.03);
    expect(logExpectedImprovement(50, 1, 0)).toBeGreaterThan(logExpectedImprovement(60, 1, 0));
  });
});
