import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SearchSpec } from "../contracts/spec.ts";
import { InvalidInputError } from "../errors.ts";
import { cheaperHalf, gridPoints, planFallback, planSearch, pointKey } from "./search-plan.ts";

const seedSearch = SearchSpec.parse({});
const search = (over: object) => SearchSpec.parse(over);

describe("planSearch (A-OPT-1)", () => {
  it("is the seed's 27 points by default, context lengths outermost", () => {
    const points = planSearch(seedSearch);
    expect(points).toHaveLength(27);
    expect(points[0]).toEqual({ context_length: 90, num_samples: 50, temperature: 0.8 });
    expect(points.at(-1)).toEqual({ context_length: 365, num_samples: 200, temperature: 1.2 });
  });

  it("counts a value named twice once", () => {
    const space = { context_length: [90, 90], num_samples: [50], temperature: [1, 1] };
    expect(gridPoints(space)).toHaveLength(1);
  });

  it("draws different points of the space, the same ones for the same seed", () => {
    const values = fc.uniqueArray(fc.integer({ min: 8, max: 500 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        values,
        values,
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        (contexts, samples, trials, seed) => {
          const space = { context_length: contexts, num_samples: samples, temperature: [1] };
          const random = search({ sampler: "random", trials, seed, space });
          const points = planSearch(random);
          const keys = new Set(points.map(pointKey));
          expect(points).toEqual(planSearch(random));
          expect(keys.size).toBe(Math.min(trials, contexts.length * samples.length));
          expect(gridPoints(space).map(pointKey)).toEqual(expect.arrayContaining([...keys]));
        },
      ),
    );
  });

  it("draws other points for another seed, and every point in the end", () => {
    const drawn = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) =>
      planSearch(search({ sampler: "random", trials: 9, seed })),
    );
    expect(new Set(drawn.map((points) => points.map(pointKey).join())).size).toBe(8);
    expect(new Set(drawn.flat().map(pointKey)).size).toBeGreaterThan(20);
  });

  it("refuses a space that makes too many trials for one message, with advice", () => {
    const context_length = Array.from({ length: 101 }, (_, i) => 8 + i);
    const space = { context_length, num_samples: [1, 2, 3, 4, 5], temperature: [1, 2] };
    expect(() => planSearch(search({ space }))).toThrow(InvalidInputError);
    expect(() => planSearch(search({ space }))).toThrow(/1010 points, at most 1000 .*sampler: random/);
    expect(planSearch(search({ space, sampler: "random", trials: 20 }))).toHaveLength(20);
  });
});

describe("planFallback (A-OPT-3, A-OPT-4)", () => {
  it.each([
    [
      [90, 180, 365],
      [50, 100, 200],
      [90, 180],
      [50, 100],
    ],
    [[365, 90], [200, 50], [90], [50]],
    [[180], [100], [180], [100]],
  ])("takes the smaller half of %j and %j", (context_length, num_samples, contexts, samples) => {
    const half = cheaperHalf({ context_length, num_samples, temperature: [0.8, 1.2] });
    expect(half).toEqual({ context_length: contexts, num_samples: samples, temperature: [0.8, 1.2] });
  });

  it("draws fallback.trials points of that half which were not tried", () => {
    const tried = gridPoints(cheaperHalf(seedSearch.space)).slice(0, 8);
    const points = planFallback(search({ fallback: { trials: 3 } }), tried);
    expect(points).toHaveLength(3);
    for (const { context_length, num_samples } of points) {
      expect(context_length).toBeLessThanOrEqual(180);
      expect(num_samples).toBeLessThanOrEqual(100);
    }
    for (const each of tried) expect(points).not.toContainEqual(each);
  });

  it("makes no table of more than 1,000 rows together with what was tried", () => {
    const many = Array.from({ length: 40 }, (_, i) => 8 + i);
    const space = { context_length: many, num_samples: many, temperature: [0.8, 1, 1.2] };
    const drawn = search({ sampler: "random", trials: 1_000, fallback: { trials: 1_000 }, space });
    const all = planSearch(drawn);
    expect(all).toHaveLength(1_000);
    for (const tried of [0, 1, 400, 999, 1_000]) {
      const points = planFallback(drawn, all.slice(0, tried));
      expect(points).toHaveLength(1_000 - tried);
    }
  });

  it("is empty where all of that half were tried", () => {
    expect(planFallback(seedSearch, gridPoints(seedSearch.space))).toEqual([]);
  });
});
