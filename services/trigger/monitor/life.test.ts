import { describe, expect, it } from "vitest";
import type { Step } from "../../../shared/contracts/subjects.ts";
import { initialMonitor } from "../state.ts";
import { foldLife } from "./life.ts";

const RUNS = ["a", "b", "c"].map((name) => `01990000-0000-7000-8000-00000000000${name}`);
const lives = (steps: readonly (readonly [Step, number, number])[]) =>
  steps
    .reduce((state, [step, run, at]) => foldLife(state, step, RUNS[run]!, at), initialMonitor("f"))
    .rolled_back.map(({ run, from, to }) => [RUNS.indexOf(run), from, to]);

describe("lives of configs that were rolled back", () => {
  it.each<[string, [Step, number, number][], unknown[]]>([
    [
      "last from deployed to rolled back",
      [
        ["deployed", 0, 10],
        ["rolled-back", 0, 30],
      ],
      [[0, 10, 30]],
    ],
    [
      "are not those that were followed by another",
      [
        ["deployed", 0, 10],
        ["deployed", 1, 20],
      ],
      [[1, 20, null]],
    ],
    [
      "are told once, however often steps come",
      [
        ["deployed", 0, 10],
        ["rolled-back", 0, 30],
        ["deployed", 0, 10],
        ["rolled-back", 0, 40],
      ],
      [[0, 10, 30]],
    ],
    [
      "do not depend on an older step that comes again",
      [
        ["deployed", 0, 10],
        ["deployed", 1, 20],
        ["deployed", 0, 10],
        ["rolled-back", 1, 25],
      ],
      [[1, 20, 25]],
    ],
    ["need a beginning", [["rolled-back", 0, 30]], []],
    [
      "are not changed by other steps",
      [
        ["deployed", 0, 10],
        ["verified", 0, 20],
      ],
      [[0, 10, null]],
    ],
  ])("%s", (_, steps, expected) => expect(lives(steps)).toEqual(expected));

  it("are forgotten beyond fifty", () => {
    const many = Array.from({ length: 60 }, (_, i) => `01990000-0000-7000-8000-0000000000${i + 10}`);
    const state = many.reduce((before, run, i) => {
      const after = foldLife(before, "deployed", run, 10 * i);
      return foldLife(after, "rolled-back", run, 10 * i + 5);
    }, initialMonitor("f"));
    expect(state.rolled_back).toHaveLength(50);
    expect(state.rolled_back.at(-1)).toMatchObject({ from: 590, to: 595 });
  });
});
