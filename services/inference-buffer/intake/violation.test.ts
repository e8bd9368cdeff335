import { describe, expect, it } from "vitest";
import { SeriesContract } from "../../../shared/contracts/series.ts";
import type { Observation } from "../../../shared/contracts/telemetry.ts";
import { day } from "../buffer.fixture.ts";
import { checkRecord, type SeriesRules, seriesRules, violation } from "./validate.ts";

type Contract = Omit<Parameters<typeof SeriesContract.parse>[0] & object, "series">;
const rulesOf = (contract: Contract): SeriesRules =>
  seriesRules(SeriesContract.parse({ series: "cpu", ...contract }));
const at = (n: number, value: number, entity?: string): Observation => ({
  ts: day(n),
  ...(entity === undefined ? {} : { entity }),
  values: { value },
});

/** Why each observation was refused, in order; undefined for those that were taken. */
function judged(rules: SeriesRules, ...observations: Observation[]): (string | undefined)[] {
  return observations.map((observation) => {
    const reason = violation(observation, rules);
    if (reason === undefined) rules.memory.accept(observation);
    else rules.memory.suspect(observation);
    return reason;
  });
}

describe("the contract of a series (D-BUF-2)", () => {
  for (const [what, contract, observation, reason] of [
    ["a value within its range", { metrics: { value: { min: 0, max: 1 } } }, at(1, 1), undefined],
    [
      "a value below its range",
      { metrics: { value: { min: 0 } } },
      at(1, -1),
      /values\.value is -1: expected 0 to Infinity/,
    ],
    [
      "a value above its range",
      { metrics: { value: { max: 1 } } },
      at(1, 1.01),
      /values\.value is 1\.01: expected -Infinity to 1/,
    ],
    [
      "a fraction of what is counted",
      { metrics: { value: { type: "integer" } } },
      at(1, 1.5),
      /expected a whole number/,
    ],
    ["a metric it does not name", { metrics: { other: { max: 0 } } }, at(1, 5), undefined],
    ["an entity by its pattern", { entities: { pattern: "vm-[0-9]+" } }, at(1, 1, "vm-7"), undefined],
    [
      "an entity that only begins like the pattern",
      { entities: { pattern: "vm-[0-9]+" } },
      at(1, 1, "vm-7x"),
      /entity is "vm-7x": expected a name that matches/,
    ],
    ["a name with path characters where any name will do", {}, at(1, 1, "../../etc/passwd"), undefined],
    [
      "a name with path characters against its pattern",
      { entities: { pattern: "[^/]+" } },
      at(1, 1, "a/../b"),
      /entity is "a\/\.\.\/b"/,
    ],
    [
      "an observation without an entity, whatever the pattern",
      { entities: { pattern: "vm-.*" } },
      at(1, 1),
      undefined,
    ],
  ] as const) {
    it(`${reason === undefined ? "takes" : "refuses"} ${what}`, () => {
      const [found] = judged(rulesOf(contract), observation);
      if (reason === undefined) expect(found).toBeUndefined();
      else expect(found).toMatch(reason);
    });
  }

  it("refuses a clock that goes back for its entity alone, where time is to be monotone", () => {
    const rules = rulesOf({ monotone_time: true });
    const reasons = judged(rules, at(5, 1, "a"), at(4, 1, "b"), at(5, 2, "a"), at(4, 1, "a"), at(6, 1, "a"));
    expect(reasons.map((reason) => reason !== undefined)).toEqual([false, false, false, true, false]);
    expect(reasons[3]).toBe(`ts is "${day(4)}": expected none before ${day(5)}, the newest of its entity`);
    expect(judged(rulesOf({}), at(5, 1), at(4, 1))).toEqual([undefined, undefined]);
  });

  it("refuses a spike once, and takes what returns, and what stays as a new level", () => {
    const jump = { metrics: { value: { max_step_change: 2 } } };
    const refused = (...values: number[]) =>
      judged(rulesOf(jump), ...values.map((value, n) => at(n, value))).map((reason) => reason !== undefined);
    expect(refused(1, 3, 9, 4, 4)).toEqual([false, false, true, false, false]);
    expect(refused(1, 9, 10, 9)).toEqual([false, true, false, false]);
    expect(refused(1, 9, 20, 9)).toEqual([false, true, true, true]);
    expect(judged(rulesOf(jump), at(5, 1), at(4, 50))).toEqual([undefined, undefined]);
    expect(judged(rulesOf(jump), at(1, 1, "a"), at(1, 50, "b"))).toEqual([undefined, undefined]);
  });

  it("takes a constant series for what it is", () => {
    const rules = rulesOf({ monotone_time: true, metrics: { value: { max_step_change: 0.1 } } });
    expect(judged(rules, ...Array.from({ length: 100 }, (_, n) => at(n, 7)))).not.toContainEqual(
      expect.any(String),
    );
  });

  it("knows repeats of an entity's newest observation by all of its values", () => {
    const { memory } = rulesOf({ metrics: { value: {}, load: {} } });
    const both = { ts: day(1), values: { value: 1, load: 2 } };
    expect(memory.repeats(both)).toBe(false);
    memory.accept(both);
    expect(memory.repeats(both)).toBe(true);
    expect(memory.repeats({ ts: day(1), values: { value: 1 } })).toBe(true);
    expect(memory.repeats({ ts: day(1), values: { value: 1, load: 3 } })).toBe(false);
    expect(memory.repeats({ ts: day(1), values: { value: 1, unlisted: 3 } })).toBe(false);
    expect(memory.repeats({ ts: day(2), values: { value: 1 } })).toBe(false);
  });

  it("holds a million entities, refuses the next one, and goes on with those it knows", () => {
    const rules = rulesOf({ metrics: { value: { max_step_change: 1 } } });
    for (let n = 0; n < 1_000_000; n++) rules.memory.accept(at(1, n, `vm-${n}`));
    expect(violation(at(2, 1, "one-more"), rules)).toMatch(
      /"one-more": expected one of the 1000000 that are known/,
    );
    expect(violation(at(2, 999_999.5, "vm-999999"), rules)).toBeUndefined();
    expect(violation(at(2, 0, "vm-999999"), rules)).toMatch(/expected at most 1 from 999999/);
  });

  it("comes after the bounds of the specs and the clock, and says which observation broke it", () => {
    const rules = rulesOf({ metrics: { value: { max: 1 } } });
    const now = Date.parse(day(10));
    const checked = (record: object) => checkRecord("observation", "cpu", record, new Map(), now, rules);
    expect(checked(at(1, 1))).toEqual({ record: at(1, 1) });
    expect(checked(at(1, 2))).toEqual({
      reason: "values.value is 2: expected -Infinity to 1",
      observation: at(1, 2),
    });
    expect(checked(at(20, 2))).toEqual({ reason: expect.stringMatching(/^ts is/) });
    expect(checked({ ts: day(1), values: { value: Number.NaN } })).toEqual({
      reason: expect.stringMatching(/^values/),
    });
  });

  for (const [what, contract, field] of [
    ["a pattern that is no regular expression", { entities: { pattern: "(" } }, "pattern"],
    ["a range that is upside down", { metrics: { value: { min: 2, max: 1 } } }, "not below min"],
    ["a field nobody knows", { monotone: true }, "monotone"],
  ] as const) {
    it(`is no contract with ${what}`, () => expect(() => rulesOf(contract as Contract)).toThrow(field));
  }
});
