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

describe("newcomers that a fleet's model cannot learn from yet (C-DAT-1)", () => {
  const all = specWith({}, { entities: "all" });
  const unknown = { unknown_by_time: 0.2, unknown_by_count: 0.2 };
  const grown = (new_ripe: number, sunset = 0) =>
    situationOf(
      all,
      {},
      { fleet: { ...seen, new: 5, new_ripe, sunset, drift: (5 + sunset) / 20, ...unknown } },
    );

  it.each([
    ["none is old enough", grown(0), false, false, /5 new \(5 of them with less than 7d of history/],
    ["one is", grown(1), false, true, /5 new \(4 of them/],
    ["two are", grown(2), true, true, /5 new \(3 of them/],
    ["none is, and two are gone", grown(0, 2), true, false, /2 gone of 20/],
    ["all are", grown(5), true, true, /5 new and 0 gone of 20 known entities: 25\.0 %/],
  ] as const)("count once they can be: where %s", (_, situation, drifted, rate, reason) => {
    expect(fleet(situation)).toMatchObject({ fired: drifted, reason: expect.stringMatching(reason) });
    expect(unknownRate(situation).fired).toBe(rate);
  });
});

describe("age of what is live", () => {
  it.each([
    [{ at: ago(30), validation: {} }, true],
    [{ at: ago(29.9), validation: {} }, false],
    [null, null],
  ])("%o", (deployment, fired) => expect(modelAge(situationOf(spec, {}, { deployment })).fired).toBe(fired));
});
