import { describe, expect, it } from "vitest";
import { bridgedInflation, interpolate } from "./interpolate.ts";

const NA = Number.NaN;

describe("interpolate", () => {
  it.each([
    ["leaves a full context as it is", [1, 5, 2], [1, 5, 2]],
    ["bridges a hole by a straight line", [1, NA, NA, 4], [1, 2, 3, 4]],
    ["cuts off what comes before the first value", [NA, NA, 3, NA, 5], [3, 4, 5]],
    ["repeats the last value to the context's end", [1, 2, NA, NA], [1, 2, 2, 2]],
    ["has nothing where nothing is observed", [NA, NA], []],
    ["has nothing for no steps", [], []],
  ])("%s", (_, context, expected) => expect([...interpolate(context)]).toEqual(expected));
});

describe("bridgedInflation", () => {
  it.each([
    ["is 1 of a full context", [1, 5, 2], 1],
    ["is 1 where only the front is missing", [NA, NA, 3, 4], 1],
    ["counts holes and a missing end", [NA, 1, NA, NA, 4, NA], 2.5],
    ["is 1 where nothing is observed", [NA, NA], 1],
  ])("%s", (_, context, expected) => expect(bridgedInflation(context)).toBe(expected));
});
