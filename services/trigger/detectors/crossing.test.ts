import { describe, expect, it } from "vitest";
import type { DetectorResult } from "../../../shared/contracts/trigger.ts";
import { ago, noise, situationOf, specWith } from "../judgement/situation.fixture.ts";
import { crossing } from "./crossing.ts";

/** The detector's answer to a performance of `statistic(age in days)` at daily evaluations, today's included. */
function resultOf(
  days: number,
  statistic: (age: number) => number,
  settings = {},
  watched: Partial<DetectorResult> = {},
) {
  const trail = Array.from({ length: days - 1 }, (_, i): [string, number] => [
    ago(days - 1 - i),
    statistic(days - 1 - i),
  ]);
  const today: DetectorResult = {
    detector: "performance",
    fired: false,
    statistic: statistic(0),
    threshold: 0.15,
    reason: "",
    figures: {},
    thresholds: {},
    ...watched,
  };
  const spec = specWith({ crossing: { enabled: true, act: "fire", ...settings } });
  return crossing(situationOf(spec, {}, { trails: { performance: trail } }), [today]);
}

describe("forecast of drift (A-FUT-2)", () => {
  const rising = (age: number) => 0.1 - 0.01 * age;

  it("says when a rising figure will cross its threshold", () => {
    const result = resultOf(20, rising);
    expect(result).toMatchObject({ fired: true, severity: "low", threshold: 0.15 });
    expect(Math.abs(Date.parse(result.figures.crosses_at as string) - Date.parse(ago(-5)))).toBeLessThan(
      1_000,
    );
    expect(result.statistic).toBeCloseTo(0.17, 9);
  });

  it.each([
    ["a crossing later than is asked for", rising, { within: "4d" }, false],
    ["a figure that falls", (age: number) => 0.1 + 0.001 * age, {}, false],
    ["noise without a trend", (age: number) => 0.1 + 0.04 * noise(age), {}, false],
    ["a trend among wild evaluations", (age: number) => (age % 6 === 3 ? 5 : rising(age)), {}, true],
    ["a constant figure", () => 0.1, {}, false],
  ])("of %s", (_, statistic, settings, fired) => expect(resultOf(20, statistic, settings).fired).toBe(fired));

  it("only warns unless it is told to fire", () =>
    expect(resultOf(20, rising, { act: "warn" })).toMatchObject({ fired: false, warns: true }));

  it("has nothing to foresee once the other has fired", () =>
    expect(resultOf(20, rising, {}, { fired: true })).toMatchObject({
      fired: false,
      reason: "performance has fired by itself",
    }));

  it.each([
    ["nine evaluations", () => resultOf(9, rising), "9 evaluations"],
    [
      "a detector that cannot tell",
      () => resultOf(20, rising, {}, { statistic: null, fired: null }),
      "cannot tell",
    ],
    ["a detector that is off", () => resultOf(20, rising, { of: "fleet" }), "the detector fleet is off"],
  ])("cannot tell from %s", (_, result, why) =>
    expect(result()).toMatchObject({ fired: null, statistic: null, reason: expect.stringContaining(why) }),
  );
});
