import { describe, expect, it } from "vitest";
import { interpolate } from "./interpolate.ts";

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
