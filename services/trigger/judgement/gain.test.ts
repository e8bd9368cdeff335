import { describe, expect, it } from "vitest";
import { expectedGain, notWorthIt } from "./gain.ts";
import { specWith } from "./situation.fixture.ts";

describe("gain expected of a run", () => {
  it.each([
    ["an error half as large again could fall by a third", "rmse", 0.5, 1 / 3],
    ["an accuracy down by a tenth could come back", "accuracy", 0.1, 0.1],
    ["what has become better has nothing to win back", "rmse", -0.2, 0],
    ["nothing is known where performance cannot tell", "rmse", null, null],
  ] as const)("%s", (_, metric, statistic, gain) => {
    const { trigger } = specWith({ performance: { metric } });
    const results = [{ detector: "performance" as const, statistic }];
    if (gain === null) expect(expectedGain(results, trigger)).toBe(null);
    else expect(expectedGain(results, trigger)).toBeCloseTo(gain, 12);
  });

  it("is not known where performance is off", () => expect(expectedGain([], specWith().trigger)).toBe(null));

  it.each([
    ["no bound is set", 0, 3600, {}, true],
    ["the gain reaches the least", 0.1, null, { min_gain: 0.1 }, true],
    ["the gain is below the least", 0.09, null, { min_gain: 0.1 }, false],
    ["the gain is not known", null, 3600, { min_gain: 0.1, min_gain_per_hour: 1 }, true],
    ["the run is cheap", 0.05, 360, { min_gain_per_hour: 0.5 }, true],
    ["the run is dear", 0.05, 3600, { min_gain_per_hour: 0.5 }, false],
    ["nobody knows what a run costs", 0.05, null, { min_gain_per_hour: 0.5 }, true],
  ])("where %s", (_, gain, seconds, cost, worth) =>
    expect(notWorthIt(gain, seconds, specWith({ cost }).trigger.cost) === undefined).toBe(worth),
  );
});
