import { describe, expect, it } from "vitest";
import { defineSpace } from "../space.ts";
import { haltonPoint } from "./halton.ts";

const cube = defineSpace(["x", "y", "z"].map((name) => ({ name, kind: "float", min: 0, max: 1 }) as const));

describe("a randomised Halton sequence", () => {
  it.each([
    ["x", 2, 64],
    ["y", 3, 81],
    ["z", 5, 125],
  ])("has one of its first points in each part of %s, base %i, cut into %i", (name, _, parts) => {
    for (const seed of [1, 2]) {
      const cells = Array.from({ length: parts }, (_, index) =>
        Math.floor((haltonPoint(cube, seed, index)[name] as number) * parts + 1e-6),
      );
      expect(new Set(cells).size).toBe(parts);
    }
  });

  it("covers pairs of dimensions: 36 points, one in each of 4 times 9 cells", () => {
    const cells = Array.from({ length: 36 }, (_, index) => {
      const { x, y } = haltonPoint(cube, 5, index) as Record<string, number>;
      return `${Math.floor(x! * 4 + 1e-6)}/${Math.floor(y! * 9 + 1e-6)}`;
    });
    expect(new Set(cells).size).toBe(36);
  });

  it("differs by the seed", () => {
    expect(haltonPoint(cube, 1, 0)).not.toEqual(haltonPoint(cube, 2, 0));
  });
});
