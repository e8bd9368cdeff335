import { describe, expect, it } from "vitest";
import { defineSpace, type Point, placeOf, pointAt } from "../space.ts";
import { ParzenMixture } from "./parzen-mixture.ts";

const line = defineSpace([{ name: "x", kind: "float", min: 0, max: 1 }]);
const families = defineSpace([
  { name: "family", kind: "choice", choices: ["a", "b"] },
  { name: "rate", kind: "float", min: 0, max: 1, when: { family: ["b"] } },
]);

describe("a Parzen mixture", () => {
  it.each([
    ["no trial", []],
    ["one trial at an edge", [0]],
    ["trials that coincide", [0.3, 0.3, 0.3]],
    ["a few", [0.1, 0.5, 0.52, 0.9]],
  ])("is a density over the unit interval, of %s", (_, xs) => {
    const mixture = new ParzenMixture(
      line,
      xs.map((x) => Float64Array.of(x)),
    );
    let integral = 0;
    for (let i = 0; i < 2000; i += 1)
      integral += Math.exp(mixture.logDensity(Float64Array.of((i + 0.5) / 2000))) / 2000;
    expect(integral).toBeCloseTo(1, 4);
  });

  it("is a law over choices and what depends on them", () => {
    const trials: Point[] = [{ family: "a" }, { family: "b", rate: 0.9 }, { family: "b", rate: 0.8 }];
    const mixture = new ParzenMixture(
      families,
      trials.map((point) => placeOf(families, point)),
    );
    let total = Math.exp(mixture.logDensity(placeOf(families, { family: "a" })));
    for (let i = 0; i < 2000; i += 1) {
      const point = { family: "b", rate: (i + 0.5) / 2000 };
      total += Math.exp(mixture.logDensity(placeOf(families, point))) / 2000;
    }
    expect(total).toBeCloseTo(1, 4);
  });

  it("draws as dense as it says", () => {
    const mixture = new ParzenMixture(line, [
      Float64Array.of(0.2),
      Float64Array.of(0.25),
      Float64Array.of(0.8),
    ]);
    const draws = Array.from({ length: 4000 }, (_, key) => mixture.draw(key * 7919).x as number);
    for (let k = 0; k < 5; k += 1) {
      let expected = 0;
      for (let i = 0; i < 200; i += 1)
        expected += Math.exp(mixture.logDensity(Float64Array.of(k / 5 + (i + 0.5) / 1000))) / 1000;
      const share = draws.filter((x) => x >= k / 5 && x < (k + 1) / 5).length / draws.length;
      expect(Math.abs(share - expected)).toBeLessThan(0.025);
    }
  });

  it("draws points of the space, with what depends on a choice only beside it", () => {
    const mixture = new ParzenMixture(families, [placeOf(families, pointAt(families, [0.9, 0.4]))]);
    const points = Array.from({ length: 200 }, (_, key) => mixture.draw(key));
    for (const point of points) expect("rate" in point).toBe(point.family === "b");
    expect(points.filter(({ family }) => family === "b").length).toBeGreaterThan(100);
  });
});
