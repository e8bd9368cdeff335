import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalQuantile } from "../forecasting/normal.ts";
import { uniform } from "../forecasting/random.ts";
import { PRUNERS, windowOrder } from "./pruner.ts";
import type { Contender } from "./pruners/pruner.ts";
import { meanLoss, pairedDifference } from "./pruners/window-losses.ts";

const contender = (number: number, losses: Contender["losses"]): Contender => ({ number, losses });
const numbers = (dropped: readonly { number: number }[]) => dropped.map(({ number }) => number);

/** Losses of trials whose expected loss grows by `step`, on windows of different difficulty that all of them share. */
function field(count: number, windows: number, step: number, seed = 1): Contender[] {
  return Array.from({ length: count }, (_, number) =>
    contender(
      number,
      Array.from({ length: windows }, (_, w) => {
        const shared = 5 * uniform(seed, w);
        return shared + step * number + 0.3 * normalQuantile(uniform(seed, w, number));
      }),
    ),
  );
}

describe("rungs (A-OPT-7)", () => {
  it.each([
    ["none", 30, [30]],
    ["race", 30, [8, 12, 16, 20, 24, 28, 30]],
    ["race", 12, [8, 12]],
    ["race", 5, [5]],
    ["halving", 30, [4, 10, 30]],
    ["halving", 8, [3, 8]],
    ["halving", 2, [2]],
  ] as const)("of %s over %i windows are %j", (name, windows, sizes) => {
    expect(PRUNERS[name].rungs(windows)).toEqual(sizes);
  });

  it("windows come in an order drawn by the seed, each once", () => {
    const order = windowOrder(30, 7);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, w) => w));
    expect(windowOrder(30, 7)).toEqual(order);
    expect(windowOrder(30, 8)).not.toEqual(order);
    expect(order.slice(0, 8).some((w) => w >= 15)).toBe(true);
  });
});

describe("racing", () => {
  it("drops what is worse window by window, though the windows differ more than the trials", () => {
    const dropped = numbers(PRUNERS.race.drop(field(6, 8, 0.4), []));
    expect(dropped).not.toContain(0);
    expect(dropped).toEqual(expect.arrayContaining([3, 4, 5]));
  });

  it("says by what test", () => {
    const [first] = PRUNERS.race.drop([contender(4, [2, 3, 4, 6]), contender(2, [1, 2, 3, 4])], []);
    expect(first).toEqual({ number: 4, because: "worse than trial 2 on 4 windows: t = 5.00 > 3.18" });
  });

  it("keeps equals, and drops one that loses by the same everywhere", () => {
    const base = [1, 2, 3, 4, 5, 6, 7, 8];
    const worse = base.map((loss) => loss + 0.5);
    const trials = [contender(0, base), contender(1, [...base]), contender(2, worse)];
    expect(numbers(PRUNERS.race.drop(trials, []))).toEqual([2]);
  });

  it("measures trials against the best of earlier generations, on which nothing is decided", () => {
    const [best, ...others] = field(5, 12, 0.5);
    expect(numbers(PRUNERS.race.drop(others, [best!]))).toEqual([1, 2, 3, 4]);
    expect(PRUNERS.race.drop([best!], others)).toEqual([]);
  });

  it("keeps one of the two best of 20 trials in 95 of 100 races, and saves more than half of the windows", () => {
    let kept = 0;
    let spent = 0;
    for (let seed = 0; seed < 100; seed += 1) {
      let running = field(20, 40, 0.03, seed);
      const sizes = PRUNERS.race.rungs(40);
      sizes.forEach((size, r) => {
        spent += running.length * (size - (sizes[r - 1] ?? 0));
        const sofar = running.map(({ number, losses }) => contender(number, losses!.slice(0, size)));
        const dropped = new Set(numbers(PRUNERS.race.drop(sofar, [])));
        running = running.filter(({ number }) => !dropped.has(number));
      });
      // The two best differ by a tenth of the noise of a loss: either will do.
      if (running.some(({ number }) => number <= 1)) kept += 1;
    }
    expect(kept).toBeGreaterThanOrEqual(95);
    expect(spent).toBeLessThan(0.5 * 100 * 20 * 40);
  });
});

describe("successive halving", () => {
  it("keeps the best third, rounded up, the lower number of equals", () => {
    const trials = [5, 1, 4, 1, 3, 2, 1].map((loss, number) => contender(number, [loss, loss]));
    expect(numbers(PRUNERS.halving.drop(trials, []))).toEqual([0, 2, 4, 5]);
  });

  it("lets a generation end where all of its trials are worse than what is known", () => {
    const known = [1, 2, 3, 4].map((loss, number) => contender(number, [loss]));
    const trials = [5, 6].map((loss, i) => contender(10 + i, [loss]));
    expect(PRUNERS.halving.drop(trials, known)[0]).toEqual({
      number: 10,
      because: "place 5 of 6 on 1 windows: the best 2 go on",
    });
  });
});

describe.each(["none", "race", "halving"] as const)("%s", (name) => {
  const { drop } = PRUNERS[name];

  it("drops failed trials, and all where all failed (A-OPT-2)", () => {
    const bad = [
      contender(1, null),
      contender(2, [1, Number.NaN]),
      contender(3, [Infinity, 1]),
      contender(4, [null, null]),
      contender(5, []),
    ];
    expect(numbers(drop(bad, []))).toEqual([1, 2, 3, 4, 5]);
    expect(numbers(drop([contender(0, [1, 2]), ...bad], []))).toEqual([1, 2, 3, 4, 5]);
  });

  it("a lone trial goes on, and windows without targets do not count", () => {
    expect(drop([contender(0, [null, 3, null])], [])).toEqual([]);
    const tie = [contender(0, [null, 1, 2]), contender(1, [7, 1, 2])];
    expect(numbers(PRUNERS.race.drop(tie, []))).toEqual([]);
  });

  it("does not depend on the order of the trials, and never drops all that have losses (A-OPT-7)", () => {
    const losses = fc.array(
      fc.oneof(fc.constantFrom(null, 1, Number.NaN), fc.double({ min: 0, max: 9, noNaN: true })),
      {
        ...{ minLength: 10, maxLength: 10 },
      },
    );
    fc.assert(
      fc.property(fc.array(losses, { minLength: 1, maxLength: 12 }), fc.nat(), (all, seed) => {
        const trials = all.map((each, number) => contender(number, each));
        const shuffled = windowOrder(trials.length, seed).map((i) => trials[i]!);
        const dropped = numbers(drop(trials, []));
        expect(numbers(drop(shuffled, [])).sort((a, b) => a - b)).toEqual(dropped);
        const sound = trials.filter((each) => Number.isFinite(meanLoss(each.losses!)));
        if (sound.length > 0) expect(dropped.length).toBeLessThan(trials.length);
      }),
    );
  });
});

describe("losses by window", () => {
  it("a pair of trials differs by the mean over the windows that both have", () => {
    expect(pairedDifference([1, null, 4, 9], [1, 2, 2])).toEqual({ n: 2, mean: 1, standardError: 1 });
    expect(pairedDifference([null], [1])).toEqual({ n: 0, mean: 0, standardError: 0 });
  });
});
