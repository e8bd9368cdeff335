import { describe, expect, it } from "vitest";
import { adaptSpace, type Resources, type TrialCost } from "./adapt.ts";
import { restrict } from "./restrict.ts";
import { allPoints, defineSpace } from "./space.ts";

const space = defineSpace([
  { name: "model", kind: "choice", choices: ["linear", "gbdt", "chronos-t5"] },
  { name: "num_samples", kind: "choice", choices: [50, 100, 200], default: 200 },
  { name: "depth", kind: "choice", choices: [2, 8], when: { model: ["gbdt"] } },
  { name: "temperature", kind: "choice", choices: [0.8, 1], when: { model: ["chronos-t5"] } },
]);
/** A second for each hundred draws, five for trees, forty for the transformer. */
const costs: TrialCost[] = [...allPoints(space)].map((point) => {
  const base = { linear: 0, gbdt: 5_000, "chronos-t5": 40_000 }[point.model as string]!;
  const memory = { linear: 50, gbdt: 100, "chronos-t5": 900 }[point.model as string]!;
  return {
    ...{ point, durationMs: base + 10 * (point.num_samples as number) },
    memoryMb: memory + (point.num_samples as number),
  };
});
const plenty: Resources = { cores: 8, memoryMb: 4_000, timeLimitMs: 3_600_000, trials: 40 };

describe("a space for the machine at hand (A-OPT-8)", () => {
  it("stays as it is where it fits, and where nothing was measured", () => {
    expect(adaptSpace(space, plenty, costs)).toEqual({ space, notes: [] });
    const scarce = { cores: 1, memoryMb: 1, timeLimitMs: 1, trials: 40 };
    expect(adaptSpace(space, scarce, [])).toEqual({ space, notes: [] });
  });

  it("goes without a family that needs more memory than a worker has, and without its parameters", () => {
    const adapted = adaptSpace(space, { ...plenty, memoryMb: 512 }, costs);
    expect(adapted.notes).toEqual([
      `'model' goes without "chronos-t5": such trials took 950 MB and more, and a worker has 512 MB`,
    ]);
    expect(adapted.space.dimensions.map(({ name }) => name)).toEqual(["model", "num_samples", "depth"]);
  });

  it("ends numbers where memory ran out", () => {
    const starved = costs.map((each) => ({
      ...each,
      memoryMb: each.point.num_samples === 200 ? Infinity : each.memoryMb,
    }));
    const adapted = adaptSpace(space, plenty, starved);
    expect(adapted.notes).toEqual([
      "'num_samples' goes without 200: such trials ran out of memory, and a worker has 4000 MB",
    ]);
    expect(adapted.space.dimensions[1]).toEqual({ name: "num_samples", kind: "choice", choices: [50, 100] });
  });

  it("cuts what takes longest until the search fits its time, and counts the cores", () => {
    const limited = { ...plenty, timeLimitMs: 60_000, trials: 20 };
    expect(adaptSpace(space, { ...limited, cores: 16 }, costs).notes).toEqual([]);
    const { notes } = adaptSpace(space, { ...limited, cores: 2 }, costs);
    expect(notes).toEqual([
      `'model' goes without "chronos-t5": on 2 cores the search would take 2.4 min, and has 60 s; without it 20.3 s`,
    ]);
  });

  it("halves a range that costs, on its own scale, and leaves one that does not", () => {
    const ranges = defineSpace([
      { name: "context", kind: "integer", min: 16, max: 1024, log: true },
      { name: "rate", kind: "float", min: 0, max: 1 },
    ]);
    const measured = [16, 32, 64, 128, 512, 1024].map((context) => ({
      ...{ point: { context, rate: 0.5 }, durationMs: context * 10, memoryMb: null },
    }));
    const adapted = adaptSpace(ranges, { cores: 1, memoryMb: 1, timeLimitMs: 15_000, trials: 10 }, measured);
    expect(adapted.notes).toEqual([
      "'context' ends at 126: on 1 core the search would take 29.6 s, and has 15 s; without it 3.73 s",
    ]);
    expect(adapted.space.dimensions[1]).toEqual(ranges.dimensions[1]);
  });

  it("says so where nothing is left to cut, and never takes the last value", () => {
    const lone = defineSpace([{ name: "model", kind: "choice", choices: ["gbdt"] }]);
    const measured = [{ point: { model: "gbdt" }, durationMs: 9_000, memoryMb: 900 }];
    const adapted = adaptSpace(
      lone,
      { cores: 1, memoryMb: 100, timeLimitMs: 1_000, trials: "all" },
      measured,
    );
    expect(adapted).toEqual({
      space: lone,
      notes: ["nothing more is cut, though on 1 core the search would take 9 s, and has 1 s"],
    });
  });
});

describe("a restricted space", () => {
  it("keeps dimensions that have another reason to exist", () => {
    const shared = defineSpace([
      { name: "model", kind: "choice", choices: ["a", "b"] },
      { name: "x", kind: "choice", choices: [1], when: { model: ["a", "b"] } },
      { name: "y", kind: "choice", choices: ["on", "off"], when: { model: ["b"] } },
      { name: "z", kind: "choice", choices: [1], when: { y: ["on"] } },
    ]);
    expect(restrict(shared, { name: "model", kind: "choice", choices: ["a"] }).dimensions).toEqual([
      { name: "model", kind: "choice", choices: ["a"] },
      { name: "x", kind: "choice", choices: [1], when: { model: ["a"] } },
    ]);
  });
});
