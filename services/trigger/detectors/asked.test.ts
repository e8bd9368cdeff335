import { describe, expect, it } from "vitest";
import type { FleetInput } from "../../../shared/contracts/trigger.ts";
import { ago, situationOf, specWith } from "../judgement/situation.fixture.ts";
import { fleet } from "./fleet.ts";
import { modelAge } from "./model-age.ts";
import { unknownRate } from "./unknown-rate.ts";

const spec = specWith();
const seen: FleetInput = {
  known: 20,
  new: 0,
  sunset: 0,
  drift: 0,
  unknown_by_time: 0,
  unknown_by_count: 0,
  predictions: 100,
  outage: null,
};

describe("fleet drift (C-FLT-1)", () => {
  it.each([
    [1, 20, false, undefined],
    [2, 20, true, "low"],
    [4, 20, true, "medium"],
    [7, 20, true, "medium"],
    [8, 20, true, "high"],
  ])("%d of %d", (changed, known, fired, severity) => {
    const drift = changed / known;
    const result = fleet(situationOf(spec, {}, { fleet: { ...seen, known, new: changed, drift } }));
    expect(result.fired).toBe(fired);
    expect(result.severity).toBe(severity);
    expect(result).toMatchObject({ statistic: drift, threshold: 0.1 });
  });

  it.each([
    [
      "an outage, which retires nobody",
      { ...seen, drift: 0.9, outage: { since: ago(1), reason: "feed" } },
      "an outage",
    ],
    ["a fleet that no model knows", { ...seen, drift: null }, "no entity"],
    ["no answer", null, "does not answer"],
  ] as const)("cannot tell in %s", (_, input, why) =>
    expect(fleet(situationOf(spec, {}, { fleet: input }))).toMatchObject({
      fired: null,
      statistic: null,
      reason: expect.stringContaining(why),
    }),
  );
});

describe("rate of unknown predictions (C-FLT-2)", () => {
  it.each([
    [0.04, 0.01, false, undefined],
    [0.05, 0.01, true, "medium"],
    [0.01, 0.15, true, "medium"],
    [0.01, 0.16, true, "high"],
    [null, 0.16, true, "high"],
  ])("%s by time, %s by count", (unknown_by_time, unknown_by_count, fired, severity) => {
    const result = unknownRate(
      situationOf(spec, {}, { fleet: { ...seen, unknown_by_time, unknown_by_count } }),
    );
    expect(result.fired).toBe(fired);
    expect(result.severity).toBe(severity);
  });

  it.each([
    ["19 predictions", { ...seen, unknown_by_time: 1, predictions: 19 }],
    ["no rate", { ...seen, unknown_by_time: null, unknown_by_count: null }],
    ["no answer", null],
  ])("cannot tell from %s", (_, input) =>
    expect(unknownRate(situationOf(spec, {}, { fleet: input })).fired).toBe(null),
  );
});

describe("age of what is live", () => {
  it.each([
    [{ at: ago(30), validation: {} }, true],
    [{ at: ago(29.9), validation: {} }, false],
    [null, null],
  ])("%o", (deployment, fired) => expect(modelAge(situationOf(spec, {}, { deployment })).fired).toBe(fired));
});
