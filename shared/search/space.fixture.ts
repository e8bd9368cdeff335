import fc from "fast-check";
import type { ChoiceDimension, Dimension, RangeDimension } from "./dimension.ts";
import { defineSpace } from "./space.ts";

type Shape = Omit<RangeDimension, "name"> | Omit<ChoiceDimension, "name">;

const float = fc
  .record({
    min: fc.double({ min: 1e-3, max: 10, noNaN: true }),
    ratio: fc.double({ min: 1.1, max: 1e4, noNaN: true }),
  })
  .chain(({ min, ratio }) =>
    fc.record({ log: fc.boolean() }).map(({ log }) => ({ min, max: min * ratio, log })),
  )
  .map((range): Shape => ({ kind: "float", ...range }));
const integer = fc
  .record({ min: fc.integer({ min: 1, max: 50 }), size: fc.integer({ min: 0, max: 500 }), log: fc.boolean() })
  .map(({ min, size, log }): Shape => ({ kind: "integer", min, max: min + size, log }));
const stepped = fc
  .record({ steps: fc.integer({ min: 1, max: 20 }), step: fc.constantFrom(0.1, 0.25, 3) })
  .map(({ steps, step }): Shape => ({ kind: "float", min: -1, max: -1 + steps * step, step }));
const scale = fc
  .uniqueArray(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 6 })
  .map((choices): Shape => ({ kind: "choice", choices }));
const words = fc.constant<Shape>({ kind: "choice", choices: ["x", "y", true] });

/** Spaces of one to five dimensions of every kind; the later ones may exist under conditions only. */
export const spaces = fc
  .array(fc.tuple(fc.oneof(float, integer, stepped, scale, words), fc.constantFrom(undefined, "a", "b")), {
    minLength: 1,
    maxLength: 5,
  })
  .map((shapes) =>
    defineSpace([
      { name: "family", kind: "choice", choices: ["a", "b", "c"] },
      ...shapes.map(
        ([shape, family], i) =>
          ({
            ...shape,
            name: `d${i}`,
            ...(family === undefined ? {} : { when: { family: [family] } }),
          }) as Dimension,
      ),
    ]),
  );

/** A place in the unit cube of such a space. */
export const units = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 });
