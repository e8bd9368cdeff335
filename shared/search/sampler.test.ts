import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { medianRegrets } from "./regret.fixture.ts";
import { type Observation, SAMPLERS, type SamplerName, suggest, suggestMany } from "./sampler.ts";
import { spaces, units } from "./space.fixture.ts";
import { allPoints, defineSpace, hasPoint, type Point, pointAt, pointKey } from "./space.ts";
import { PROBLEMS, tuningLike4 } from "./test-functions.fixture.ts";

const NAMES = Object.keys(SAMPLERS) as SamplerName[];
const DRAWING = NAMES.filter((name) => name !== "grid");

const small = defineSpace([
  { name: "model", kind: "choice", choices: ["linear", "gbdt"] },
  { name: "context_length", kind: "choice", choices: [90, 180, 365] },
  { name: "depth", kind: "integer", min: 2, max: 5, when: { model: ["gbdt"] } },
]);
/** Many results, more than any sampler starts with. */
const tuned: readonly Observation[] = Array.from({ length: 30 }, (_, number) => {
  const point = suggest(tuningLike4.space, { sampler: "random", seed: 9, number, history: [] })!;
  return { number, point, objective: number % 7 === 3 ? null : tuningLike4.value(point) };
});

describe.each(DRAWING)("the %s sampler (A-OPT-6)", (sampler) => {
  it("stays inside spaces of every kind, whatever came of the trials, and never tries a point twice", () => {
    const outcome = fc.oneof(
      fc.constantFrom(null, Number.NaN, Infinity, 0, -1e300, 1e300),
      fc.double({ min: -5, max: 5, noNaN: true }),
    );
    const histories = fc.array(fc.tuple(units, outcome), { maxLength: 25 });
    fc.assert(
      fc.property(spaces, histories, fc.nat(), (space, results, seed) => {
        const history = results.map(([unit, objective], number) => ({
          ...{ number, point: pointAt(space, unit), objective },
        }));
        const numbers = [0, 1, 2].map((i) => history.length + i);
        const points = suggestMany(space, { sampler, seed, history }, numbers);
        const found = points.filter((point) => point !== undefined);
        for (const point of found) expect(hasPoint(space, point)).toBe(true);
        const tried = new Set(history.map(({ point }) => pointKey(point)));
        for (const point of found) expect(tried.has(pointKey(point))).toBe(false);
        expect(new Set(found.map(pointKey)).size).toBe(found.length);
      }),
      { numRuns: 60 },
    );
  });

  it("suggests the same whatever the order of the history, and one number like many (A-OPT-7)", () => {
    const question = { sampler, seed: 4, history: tuned };
    const numbers = [30, 31, 32, 33];
    const points = suggestMany(tuningLike4.space, question, numbers);
    const shuffled = { ...question, history: tuned.toReversed() };
    expect(suggestMany(tuningLike4.space, shuffled, numbers)).toEqual(points);
    expect(suggest(tuningLike4.space, { ...question, number: 32 })).toEqual(points[2]);
    expect(suggestMany(tuningLike4.space, question, [33, 30])).toEqual([points[3], points[0]]);
  });

  it("suggests otherwise with another seed", () => {
    const ask = (seed: number) => suggest(tuningLike4.space, { sampler, seed, history: tuned, number: 30 });
    expect(ask(1)).not.toEqual(ask(2));
  });

  it("tries every point of a finite space once, then says so", () => {
    const numbers = Array.from({ length: 17 }, (_, i) => i);
    const points = suggestMany(small, { sampler, seed: 3, history: [] }, numbers);
    const keys = new Set(points.slice(0, 15).map((point) => pointKey(point!)));
    expect(keys).toEqual(new Set([...allPoints(small)].map(pointKey)));
    expect(points.slice(15)).toEqual([undefined, undefined]);
  });

  it("goes on through a finite space with results, generation by generation", () => {
    const history: Observation[] = [];
    while (history.length < 15) {
      const numbers = [0, 1, 2, 3].map((i) => history.length + i);
      const points = suggestMany(small, { sampler, seed: 3, history }, numbers);
      points.forEach((point, i) => {
        if (point !== undefined) history.push({ number: numbers[i]!, point, objective: i });
      });
    }
    expect(new Set(history.map(({ point }) => pointKey(point))).size).toBe(15);
    expect(suggest(small, { sampler, seed: 3, history, number: 15 })).toBeUndefined();
  });

  it.each<[string, (point: Point) => number | null]>([
    ["all fail", () => null],
    ["all come out the same", () => 1],
    ["one is enormous", ({ depth }) => (depth === 3 ? 1e12 : Number(depth))],
  ])("goes on where %s", (_, outcome) => {
    const history = tuned.map((each) => ({ ...each, objective: outcome(each.point) }));
    const point = suggest(tuningLike4.space, { sampler, seed: 1, history, number: 30 });
    expect(hasPoint(tuningLike4.space, point!)).toBe(true);
  });
});

describe("starts", () => {
  const incumbent = { model: "gbdt", context_length: 400, depth: 3, temperature: 1 };

  it("come first, moved into the space, each once", () => {
    const starts = [incumbent, { model: "gbdt", context_length: 365, depth: 3 }, {}];
    const points = suggestMany(small, { sampler: "gp", seed: 1, history: [], starts }, [0, 1, 2]);
    expect(points.slice(0, 2)).toEqual([
      { model: "gbdt", context_length: 365, depth: 3 },
      { model: "linear", context_length: 180 },
    ]);
    expect(starts.map((each) => pointKey(points[2]!) === pointKey(each as Point))).not.toContain(true);
  });

  it("a grid goes on with the points that are left, in order", () => {
    const numbers = Array.from({ length: 15 }, (_, i) => i);
    const points = suggestMany(
      small,
      { sampler: "grid", seed: 1, history: [], starts: [incumbent] },
      numbers,
    );
    const grid = [...allPoints(small)].map(pointKey);
    const start = pointKey({ model: "gbdt", context_length: 365, depth: 3 });
    expect(points.map((point) => pointKey(point!))).toEqual([start, ...grid.filter((key) => key !== start)]);
  });
});

describe("a history", () => {
  it("of earlier studies, with numbers below 0, is learnt from and not repeated", () => {
    const history = tuned.map((each) => ({ ...each, number: each.number - 30 }));
    const point = suggest(tuningLike4.space, { sampler: "gp", seed: 1, history, number: 0 });
    const best = Math.min(...tuned.map(({ objective }) => objective ?? Infinity));
    expect(tuningLike4.value(point!)).toBeLessThan(best);
  });

  it("of points outside the space is left out of account", () => {
    const history = [{ number: -1, point: { model: "t5" }, objective: 1 }];
    expect(hasPoint(small, suggest(small, { sampler: "tpe", seed: 1, history, number: 0 })!)).toBe(true);
  });

  it("of more trials than a process can take is learnt from by its best and its latest ones", () => {
    const numbers = Array.from({ length: 260 }, (_, number) => number);
    const points = suggestMany(tuningLike4.space, { sampler: "halton", seed: 3, history: [] }, numbers);
    const history = numbers.map((number) => ({
      ...{ number, point: points[number]!, objective: tuningLike4.value(points[number]!) },
    }));
    const point = suggest(tuningLike4.space, { sampler: "gp", seed: 1, history, number: 260 });
    const ascending = history.map(({ objective }) => objective).sort((a, b) => a - b);
    expect(tuningLike4.value(point!)).toBeLessThan(ascending[2]!);
  });

  it("of failures keeps a sampler away from where they were", () => {
    const space = defineSpace([{ name: "x", kind: "float", min: 0, max: 1 }]);
    const history = Array.from({ length: 20 }, (_, number) => {
      const x = number / 20;
      return { number, point: { x }, objective: x < 0.5 ? null : 1 - x };
    });
    for (const sampler of ["tpe", "gp"] as const)
      for (const point of suggestMany(space, { sampler, seed: 2, history }, [20, 21, 22, 23]))
        expect(point!.x).toBeGreaterThan(0.5);
  });
});

describe("regret after 30 trials, median of 3 seeds (A-OPT-6)", () => {
  it.each(PROBLEMS.map((problem) => [problem.name, problem] as const))(
    "on %s: GP below TPE, TPE below random draws",
    (_, problem) => {
      const effort = { budgets: [30], seeds: 3, generation: 4 };
      const [random, tpe, gp] = (["random", "tpe", "gp"] as const).map(
        (sampler) => medianRegrets(sampler, problem, effort)[0]!,
      ) as [number, number, number];
      expect(tpe).toBeLessThan(random);
      expect(gp).toBeLessThan(tpe);
    },
  );
});
