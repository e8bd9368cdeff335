import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SearchSpec } from "../contracts/spec.ts";
import { InvalidInputError } from "../errors.ts";
import type { Observation } from "../search/sampler.ts";
import { allPoints, type Point, pointKey } from "../search/space.ts";
import { nextGeneration, planFallback, planSearch, type SearchPlan } from "./search-plan.ts";
import { cheaperHalf, configAt, type SearchedFamily, searchSpace, valuesOf } from "./search-space.ts";

const drawing: SearchedFamily = {
  name: "chronos-bolt",
  heeds: ["context_length", "num_samples", "temperature"],
  parameters: [],
};
const search = (over: object) => SearchSpec.parse(over);
const seedPlan = planSearch(search({}), [drawing]);
const gridOf = (over: object) => [...allPoints(planSearch(search(over), [drawing]).space)];

describe("planSearch (A-OPT-1)", () => {
  it("is the seed's 27 points by default, context lengths outermost", () => {
    const points = nextGeneration(seedPlan, []).map((point) => configAt(seedPlan, point).params);
    expect(points).toHaveLength(27);
    expect(points[0]).toEqual({ context_length: 90, num_samples: 50, temperature: 0.8 });
    expect(points.at(-1)).toEqual({ context_length: 365, num_samples: 200, temperature: 1.2 });
  });

  it("counts a value named twice once", () => {
    const space = { context_length: [90, 90], num_samples: [50], temperature: [1, 1] };
    expect(planSearch(search({ space }), [drawing]).size).toBe(1);
  });

  it("draws different points of the space, the same ones for the same seed", () => {
    const values = fc.uniqueArray(fc.integer({ min: 8, max: 500 }), { minLength: 1, maxLength: 5 });
    const trials = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(values, values, trials, fc.nat(), (contexts, samples, count, seed) => {
        const space = { context_length: contexts, num_samples: samples, temperature: [1] };
        const plan = planSearch(search({ sampler: "random", trials: count, seed, space }), [drawing]);
        const keys = new Set(nextGeneration(plan, []).map(pointKey));
        expect(nextGeneration(plan, [])).toEqual(nextGeneration(plan, []));
        expect(keys.size).toBe(Math.min(count, contexts.length * samples.length));
        expect(gridOf({ space }).map(pointKey)).toEqual(expect.arrayContaining([...keys]));
      }),
    );
  });

  it("draws other points for another seed, and every point in the end", () => {
    const drawn = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) =>
      nextGeneration(planSearch(search({ sampler: "random", trials: 9, seed }), [drawing]), []),
    );
    expect(new Set(drawn.map((points) => points.map(pointKey).join())).size).toBe(8);
    expect(new Set(drawn.flat().map(pointKey)).size).toBeGreaterThan(20);
  });

  it("refuses a space that makes too many trials for one message, with advice", () => {
    const context_length = Array.from({ length: 101 }, (_, i) => 8 + i);
    const space = { context_length, num_samples: [1, 2, 3, 4, 5], temperature: [1, 2] };
    const plan = (over: object) => () => planSearch(search({ space, ...over }), [drawing]);
    expect(plan({})).toThrow(InvalidInputError);
    expect(plan({})).toThrow(/1010 points, at most 1000 .*sampler: random/);
    expect(plan({ sampler: "tpe", trials: 1_001 })).toThrow(
      /1001 points, at most 1000 .*fewer search.trials/,
    );
    expect(plan({ sampler: "random", trials: 20 })().size).toBe(20);
  });

  it("refuses a grid over numbers without steps", () => {
    const space = { temperature: { min: 0.5, max: 2 } };
    expect(() => planSearch(search({ space }), [drawing])).toThrow(
      /search.sampler: grid needs values or a step/,
    );
    expect(
      planSearch(search({ space: { temperature: { min: 0.5, max: 2, step: 0.5 } } }), [drawing]).size,
    ).toBe(36);
  });
});

describe("a search that learns (A-OPT-6, A-OPT-7)", () => {
  const space = {
    context_length: { min: 8, max: 400, log: true },
    num_samples: [50],
    temperature: { min: 0.5, max: 2 },
  };
  const live = { context_length: 77, num_samples: 999, temperature: 1.25 };
  const planOf = (sampler: string) =>
    planSearch(search({ sampler, trials: 10, space }), [drawing], {
      incumbent: valuesOf({ model: "chronos-bolt", params: live }),
    });
  const bowl = ({ context_length, temperature }: Point) =>
    (Math.log(Number(context_length)) - 4) ** 2 + (Number(temperature) - 1) ** 2;

  /** Plans a whole search, the results of each generation handed over in an order of `shuffle`. */
  const whole = (plan: SearchPlan, shuffle: (each: Observation[]) => Observation[]) => {
    const history: Observation[] = [];
    for (
      let points = nextGeneration(plan, []);
      points.length > 0;
      points = nextGeneration(plan, shuffle([...history]))
    )
      for (const point of points) history.push({ number: history.length, point, objective: bowl(point) });
    return history;
  };

  it.each(["tpe", "gp"])(
    "%s plans four trials at a time, from results alone, whatever their order",
    (sampler) => {
      const plan = planOf(sampler);
      expect(nextGeneration(plan, [])).toHaveLength(4);
      const history = whole(plan, (each) => each);
      expect(history).toHaveLength(10);
      expect(whole(plan, (each) => each.reverse())).toEqual(history);
      expect(new Set(history.map(({ point }) => pointKey(point))).size).toBe(10);
    },
  );

  it.each(["random", "halton"])("%s needs no results, so all its trials are one generation", (sampler) => {
    expect(nextGeneration(planOf(sampler), [])).toHaveLength(10);
  });

  it.each(["random", "halton", "tpe", "gp"])(
    "%s begins with what is live, moved into the space",
    (sampler) => {
      expect(nextGeneration(planOf(sampler), [])[0]).toMatchObject({ context_length: 77, temperature: 1.25 });
    },
  );
});

describe("searchSpace", () => {
  const naive: SearchedFamily = {
    name: "seasonal-naive",
    heeds: ["context_length", "temperature"],
    parameters: [],
  };
  const trees: SearchedFamily = {
    name: "gbdt",
    heeds: ["context_length"],
    parameters: [
      { name: "depth", description: "levels", kind: "integer", min: 1, max: 12, default: 6 },
      { name: "rate", description: "step", kind: "float", min: 0.001, max: 1, log: true, default: 0.1 },
      { name: "kind", description: "of trees", kind: "choice", choices: ["dart", "plain"], default: "plain" },
    ],
  };
  const spaceOf = (over: object) => search({ space: over }).space;

  it.each<[string, object, SearchedFamily[], RegExp]>([
    [
      "a knob the family ignores",
      { num_samples: [50, 100] },
      [naive],
      /^search\.space\.num_samples has no effect on family 'seasonal-naive': leave it out; what can be searched is context_length, temperature$/,
    ],
    [
      "a parameter no family has",
      { model_params: { leaves: [1] } },
      [naive, trees],
      /model_params\.leaves has no effect on families 'seasonal-naive', 'gbdt'.*model_params\.depth/,
    ],
    [
      "a value out of bounds",
      { model_params: { depth: [4, 13] } },
      [trees],
      /model_params\.depth: 13, expected integers from 1 to 12 for family 'gbdt'/,
    ],
    [
      "a range out of bounds",
      { model_params: { rate: { min: 0.01, max: 2 } } },
      [trees],
      /model_params\.rate: 2, expected numbers from 0\.001 to 1/,
    ],
    ["no integer", { model_params: { depth: [1.5] } }, [trees], /1\.5, expected integers/],
    [
      "an unknown choice",
      { model_params: { kind: ["plain", "oak"] } },
      [trees],
      /"oak", expected some of "dart", "plain"/,
    ],
    [
      "a range for a choice",
      { model_params: { kind: { min: 1, max: 2 } } },
      [trees],
      /expected some of "dart", "plain"/,
    ],
  ])("refuses %s, naming it (A-OPT-8)", (_, over, families, expected) => {
    expect(() => searchSpace(spaceOf(over), families)).toThrow(expected);
  });

  it("holds a family's parameters and what it heeds under its own name only", () => {
    const made = searchSpace(spaceOf({ context_length: [60], model_params: { depth: [4, 6] } }), [
      naive,
      trees,
    ]);
    const configs = [...allPoints(made.space)].map((point) => configAt(made, point));
    expect(configs).toEqual([
      ...[0.8, 1, 1.2].map((temperature) => ({
        model: "seasonal-naive",
        params: { context_length: 60, num_samples: 100, temperature },
      })),
      ...[4, 6].map((depth) => ({
        model: "gbdt",
        params: { context_length: 60, num_samples: 100, temperature: 1, model_params: { depth } },
      })),
    ]);
  });

  it("leaves out what a family ignores when the spec does not name it, and takes its one value", () => {
    const { space, fixed } = searchSpace(spaceOf({ num_samples: [20] }), [naive]);
    expect(space.dimensions.map(({ name }) => name)).toEqual(["context_length", "temperature"]);
    expect(fixed).toMatchObject({ num_samples: 20 });
  });

  it("searches a family's range on the scale that the family says", () => {
    const { space } = searchSpace(spaceOf({ model_params: { rate: { min: 0.01, max: 0.5 } } }), [trees]);
    expect(space.dimensions.find(({ name }) => name === "model_params.rate")).toMatchObject({
      ...{ kind: "float", min: 0.01, max: 0.5, log: true, default: 0.1 },
    });
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
    const { space } = planSearch(
      search({ space: { context_length, num_samples, temperature: [0.8, 1.2] } }),
      [drawing],
    );
    const values = cheaperHalf(space).dimensions.map((each) => [
      each.name,
      "choices" in each && each.choices,
    ]);
    expect(values).toEqual([
      ["context_length", contexts],
      ["num_samples", samples],
      ["temperature", [0.8, 1.2]],
    ]);
  });

  it.each([
    [
      { min: 10, max: 31 },
      { min: 10, max: 20 },
    ],
    [
      { min: 10, max: 1000, log: true },
      { min: 10, max: 100, log: true },
    ],
    [
      { min: 10, max: 10 },
      { min: 10, max: 10 },
    ],
  ])("takes the smaller half of the range %j", (context_length, expected) => {
    const { space } = planSearch(search({ sampler: "random", space: { context_length } }), [drawing]);
    expect(cheaperHalf(space).dimensions[0]).toMatchObject(expected);
  });

  it("draws fallback.trials points of that half which were not tried", () => {
    const tried = [...allPoints(cheaperHalf(seedPlan.space))].slice(0, 8);
    const points = planFallback(seedPlan, 3, tried);
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
    const plan = planSearch(search({ sampler: "random", trials: 1_000, space }), [drawing]);
    const all = nextGeneration(plan, []);
    expect(all).toHaveLength(1_000);
    for (const tried of [0, 400, 1_000])
      expect(planFallback(plan, 1_000, all.slice(0, tried))).toHaveLength(1_000 - tried);
  });

  it("is empty where all of that half were tried", () => {
    expect(planFallback(seedPlan, 6, [...allPoints(seedPlan.space)])).toEqual([]);
  });
});
