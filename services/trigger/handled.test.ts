import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UnavailableError } from "../../shared/errors.ts";
import {
  addHandled,
  type Handled,
  handledUpTo,
  isHandled,
  lastHandled,
  nothingHandled,
  raiseFloor,
} from "./handled.ts";

const add = (handled: Handled, sequences: readonly number[]) => addHandled(handled, sequences);
const even = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + 2 * i);

describe("handled sequences", () => {
  it("merge where they touch", () =>
    expect(addHandled(nothingHandled, [5, 3, 4, 9]).ranges).toEqual([
      [3, 5],
      [9, 9],
    ]));

  it("of any order and grouping are remembered, and no other", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 20 }), { maxLength: 10 }),
        (groups) => {
          const handled = groups.reduce(add, nothingHandled);
          const all = new Set(groups.flat());
          for (let sequence = 1; sequence <= 201; sequence += 1) {
            if (isHandled(handled, sequence) !== all.has(sequence)) return false;
          }
          return lastHandled(handled) === Math.max(0, ...all);
        },
      ),
    );
  });

  it("keep what was not handled open, however many younger ones were", () => {
    const handled = addHandled(nothingHandled, even(1_002, 500));
    expect(isHandled(handled, 2)).toBe(false);
    expect(isHandled(handled, 1_003)).toBe(false);
    expect(handled.ranges).toHaveLength(500);
  });

  it("go up to the ack floor at most, and the floor changes no answer for what is still to come", () => {
    const deliveries = fc.array(
      fc.record({
        sequences: fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 12 }),
        acked: fc.boolean(),
        asks: fc.boolean(),
      }),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(deliveries, (batches) => {
        let handled = nothingHandled;
        const done = new Set<number>();
        const acked = new Set<number>();
        for (const { sequences, acked: settled, asks } of batches) {
          if (asks) handled = raiseFloor(handled, ackFloor(acked));
          handled = addHandled(handled, sequences);
          for (const each of sequences) {
            done.add(each);
            if (settled) acked.add(each);
          }
          for (let sequence = 1; sequence <= 120; sequence += 1)
            if (isHandled(handled, sequence) !== done.has(sequence)) return false;
        }
        return true;
      }),
      { numRuns: 300 },
    );
  });

  it("let go of ranges below the ack floor, and of none across it", () => {
    const handled = addHandled(nothingHandled, [2, 3, 7, 9, 10]);
    expect(raiseFloor(handled, 1)).toBe(handled);
    expect(raiseFloor(handled, 9)).toEqual({ floor: 7, ranges: [[9, 10]] });
    expect(raiseFloor(handled, 500)).toEqual({ floor: 10, ranges: [] });
    expect(lastHandled(raiseFloor(handled, 500))).toBe(10);
    expect(handledUpTo(handled, 8)).toEqual({ floor: 8, ranges: [[9, 10]] });
  });

  it("make younger ones wait when 5,000 ranges are open, and take what lies in the gaps", () => {
    const full = addHandled(nothingHandled, even(10, 5_000));
    expect(() => addHandled(full, [20_000])).toThrow(UnavailableError);
    expect(() => addHandled(full, [20_000])).toThrow(/something between 11 and 11 keeps failing/);
    expect(isHandled(addHandled(full, [2]), 2)).toBe(true);
    expect(addHandled(full, [11]).ranges).toHaveLength(4_999);
    expect(addHandled(raiseFloor(full, 5_000), [20_000]).floor).toBe(5_000);
  });
});

/** As the server counts it: every message up to there was acknowledged. */
function ackFloor(acked: ReadonlySet<number>): number {
  let floor = 0;
  while (acked.has(floor + 1)) floor += 1;
  return floor;
}
