import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Point } from "../state.ts";
import { Points } from "./points.ts";

const kept = (points: readonly Point[], slotMs = 10, spanMs = 100) => {
  const all = new Points([], slotMs);
  for (const point of points) all.add(point);
  return all.within(spanMs);
};

describe("points kept of a series", () => {
  it.each<[string, Point[], number[]]>([
    [
      "come in order of time",
      [
        [20, 2, 1],
        [0, 0, 2],
        [10, 1, 3],
      ],
      [0, 1, 2],
    ],
    [
      "are the first of each stretch of time",
      [
        [3, 3, 1],
        [1, 1, 2],
        [9, 9, 3],
        [12, 12, 4],
      ],
      [1, 12],
    ],
    [
      "are the one stored last of a time",
      [
        [5, 1, 7],
        [5, 2, 9],
        [5, 3, 8],
      ],
      [2],
    ],
    [
      "leave with whole stretches",
      [
        [1, 1, 1],
        [9, 9, 2],
        [11, 11, 3],
        [105, 105, 4],
      ],
      [11, 105],
    ],
  ])("%s", (_, points, values) => expect(kept(points).map(([, value]) => value)).toEqual(values));

  it("are the same whatever the order they come in", () => {
    const point = fc.tuple(fc.nat(300), fc.nat(5), fc.nat(1_000));
    fc.assert(
      fc.property(
        fc.uniqueArray(point, { selector: ([, , sequence]) => sequence, maxLength: 60 }),
        (points) => {
          const once = kept(points);
          expect(kept(points.toReversed())).toEqual(once);
          expect(kept(points.toSorted(([, , a], [, , b]) => a - b))).toEqual(once);
          expect(kept([...points, ...points])).toEqual(once);
        },
      ),
    );
  });

  it("do not change what they were made from", () => {
    const before: Point[] = [[1, 1, 1]];
    const points = new Points(before, 10);
    points.add([20, 2, 2]);
    expect(before).toEqual([[1, 1, 1]]);
  });
});
