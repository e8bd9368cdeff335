import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ExactSum, joined, plus, totalOf } from "./exact-sum.ts";

const sumOf = (values: readonly number[]) => values.reduce<ExactSum>(plus, 0);
const figure = fc.double({ min: -1e30, max: 1e30, noNaN: true });

describe("an exact sum", () => {
  it.each([
    ["of nothing", [], 0],
    ["of one number", [0.1], 0.1],
    ["keeps what a plain sum loses", [1e100, 1, -1e100], 1],
    ["rounds once, at the end", Array<number>(10).fill(0.1), 1],
    ["rounds what lies half way by what is below", [1, 2 ** -53, 2 ** -106], 1 + 2 ** -52],
    ["rounds a tie to even", [1, 2 ** -53], 1],
  ])("%s", (_, values, total) => expect(totalOf(sumOf(values))).toBe(total));

  it("of whole numbers is one plain number in JSON", () =>
    expect(JSON.stringify(sumOf([9, 16, 25]))).toBe("50"));

  it("is the same to the last bit in any order and in any parts", () => {
    fc.assert(
      fc.property(fc.array(figure, { maxLength: 40 }), fc.nat(40), (values, cut) => {
        const total = totalOf(sumOf(values));
        expect(totalOf(sumOf(values.toReversed()))).toBe(total);
        expect(totalOf(sumOf(values.toSorted((a, b) => a - b)))).toBe(total);
        expect(totalOf(joined([sumOf(values.slice(0, cut)), sumOf(values.slice(cut))]))).toBe(total);
        expect(totalOf(JSON.parse(JSON.stringify(sumOf(values))))).toBe(total);
      }),
    );
  });
});
