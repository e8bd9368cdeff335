import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ValidationSpec } from "../../shared/contracts/spec.ts";
import type { Criterion } from "../../shared/contracts/validator.ts";
import { criteria } from "./criteria.ts";
import type { Measured, Unknown } from "./state.ts";

const seed = ValidationSpec.parse({});
const champion: Measured = {
  ...{ rmse: 10, mape: 2, mae: 8, mase: 0.9, error_std: 10, mean_error: 1, coverage: 0.95 },
  ...{ n: 100, windows: 30, inference_ms: 20 },
};

function verdicts(
  candidate: Partial<Measured>,
  against: Partial<Measured> | null = {},
): Record<Criterion["name"], Criterion> {
  const judged = criteria(
    { ...champion, ...candidate },
    against === null ? null : { ...champion, ...against },
    seed,
  );
  return Object.fromEntries(judged.map((each) => [each.name, each])) as Record<Criterion["name"], Criterion>;
}

describe("the five criteria at the seed's limits", () => {
  it.each<[string, Criterion["name"], Partial<Measured>, boolean]>([
    ["RMSE 5 % better (A-VAL-1)", "improvement", { rmse: 9.5 }, true],
    ["RMSE 4.9 % better (A-VAL-1)", "improvement", { rmse: 9.51 }, false],
    ["MAPE 3 % better (A-VAL-1)", "improvement", { mape: 1.94 }, true],
    ["MAPE 2.9 % better (A-VAL-1)", "improvement", { mape: 1.942 }, false],
    ["RMSE worse, MAPE 3 % better (A-VAL-1)", "improvement", { rmse: 12, mape: 1.9 }, true],
    ["error std 1.10 times (A-VAL-2)", "stability", { error_std: 11 }, true],
    ["error std 1.11 times (A-VAL-2)", "stability", { error_std: 11.1 }, false],
    ["time 1.50 times (A-VAL-3)", "inference-time", { inference_ms: 30 }, true],
    ["time 1.51 times (A-VAL-3)", "inference-time", { inference_ms: 30.2 }, false],
    ["coverage 0.90 (A-VAL-4)", "coverage", { coverage: 0.9 }, true],
    ["coverage 0.89 (A-VAL-4)", "coverage", { coverage: 0.89 }, false],
    ["mean error 4.99 (A-VAL-5)", "bias", { mean_error: 4.99 }, true],
    ["mean error -4.99 (A-VAL-5)", "bias", { mean_error: -4.99 }, true],
    ["mean error 5 (A-VAL-5)", "bias", { mean_error: 5 }, false],
    ["mean error -5 (A-VAL-5)", "bias", { mean_error: -5 }, false],
  ])("%s", (_, name, candidate, passed) => {
    expect(verdicts(candidate)[name].passed).toBe(passed);
  });
});

describe("what cannot be told", () => {
  it.each<[string, Criterion["name"], Partial<Measured>, Partial<Measured>, boolean, number | null]>([
    [
      "a champion without errors cannot be beaten",
      "improvement",
      { rmse: 1, mape: 1 },
      { rmse: 0, mape: 0 },
      false,
      null,
    ],
    [
      "MAPE counts even where the RMSE is 0 on both sides",
      "improvement",
      { rmse: 0, mape: 1 },
      { rmse: 0, mape: 2 },
      true,
      null,
    ],
    [
      "RMSE alone counts where there is no MAPE",
      "improvement",
      { rmse: 9, mape: null },
      { mape: null },
      true,
      0.1,
    ],
    ["one MAPE alone compares with nothing", "improvement", { mape: 0.1 }, { mape: null }, false, 0],
    ["equal stds of 0 are as stable", "stability", { error_std: 0 }, { error_std: 0 }, true, 1],
    ["any std is less stable than 0", "stability", { error_std: 0.1 }, { error_std: 0 }, false, null],
    [
      "a time against none has no ratio",
      "inference-time",
      { inference_ms: 1 },
      { inference_ms: 0 },
      false,
      null,
    ],
    ["coverage of no actual", "coverage", { n: 0, coverage: 1 }, {}, false, null],
    ["coverage that is no number", "coverage", { coverage: Number.NaN }, {}, false, null],
    ["bias of no error", "bias", { n: 0, mean_error: 0 }, {}, false, null],
    ["bias that is no number", "bias", { mean_error: Number.NaN }, {}, false, null],
  ])("%s", (_, name, candidate, against, passed, value) => {
    const judged = verdicts(candidate, against)[name];
    expect(judged.passed).toBe(passed);
    if (value === null) expect(judged.value).toBeNull();
    else expect(judged.value).toBeCloseTo(value, 12);
  });

  it("is not passed, and said in words, whatever the figures", () => {
    const odd = fc.constantFrom(0, Number.NaN, Infinity);
    const size = fc.oneof(fc.double({ min: 0, max: 1e9 }), odd);
    const error = fc.oneof(fc.double({ min: -1e9, max: 1e9 }), odd);
    const measured = fc.record({
      ...{ rmse: size, mape: fc.option(size), mae: size, mase: fc.option(size), error_std: size },
      ...{ mean_error: error, coverage: size, n: fc.nat(), windows: fc.nat(), inference_ms: size },
    });
    fc.assert(
      fc.property(measured, fc.option(measured), (candidate, against) => {
        const judged = criteria(candidate, against, seed);
        expect(judged).toHaveLength(5);
        for (const { value, reason, passed, name, limit } of judged) {
          expect(Number.isNaN(value)).toBe(false);
          expect(reason).not.toMatch(/NaN|Infinity|undefined/);
          const compares = name !== "improvement" && limit !== "none";
          if (compares && value === null) expect(passed).toBe(false);
        }
      }),
    );
  });
});

describe("reasons", () => {
  it("give the figures, the change and the limit (A-VAL-7)", () => {
    const {
      improvement,
      stability,
      coverage,
      bias,
      "inference-time": time,
    } = verdicts({ rmse: 6.85, mape: 0.996, coverage: 0.87, n: 99 }, { rmse: 6.9, mape: 1 });
    expect(improvement.reason).toBe(
      "RMSE 6.900 -> 6.850: 0.7 % better, needs 5 % (or MAPE 3 %: 1.000 % -> 0.9960 %, 0.4 % better)",
    );
    expect(stability.reason).toBe("error std 10.00 -> 10.00: 1.000 times, at most 1.1");
    expect(time.reason).toBe("one forecast takes 20.00 ms -> 20.00 ms: 1.000 times, at most 1.5");
    expect(coverage.reason).toBe("87 % of 99 actuals lie in the 95 % interval, needs 90 %");
    expect(bias.reason).toBe("mean error 1.000, has to stay below 5 either way");
  });

  it("say so where nothing is live to compare with", () => {
    const { improvement, bias } = verdicts({ mean_error: 7 }, null);
    expect(improvement).toMatchObject({
      passed: true,
      value: null,
      reason: "nothing is live to compare with",
    });
    expect(bias).toMatchObject({ passed: false, value: 7 });
  });
});

describe("a fleet's model (C-VAL-1)", () => {
  const judged = (candidate: Partial<Measured>, unknown: Omit<Unknown, "entities">) => {
    const all = criteria({ ...champion, ...candidate }, champion, seed, { entities: 20, ...unknown });
    return Object.fromEntries(all.map((each) => [each.name, each])) as Record<Criterion["name"], Criterion>;
  };

  it("has to know every entity of the data, and those it does not are named", () => {
    expect(judged({}, { candidate: [], champion: [] }).vocabulary).toMatchObject({ passed: true, value: 1 });
    expect(judged({}, { candidate: ["web-7", "web-9"], champion: [] }).vocabulary).toMatchObject({
      passed: false,
      value: 0.9,
      reason: "the model knows 18 of 20 entities, not web-7, web-9",
    });
    expect(verdicts({})).not.toHaveProperty("vocabulary");
  });

  it.each<[string, Partial<Measured>, Omit<Unknown, "entities">, boolean]>([
    ["knows more than the live one at 1.2 times its RMSE", { rmse: 12 }, gained(["web-7"]), true],
    ["knows more at more than that", { rmse: 12.1 }, gained(["web-7"]), false],
    ["knows no more, and is no better", { rmse: 10 }, gained([]), false],
    ["does not know those either", { rmse: 10 }, { candidate: ["web-7"], champion: ["web-7"] }, false],
    ["is better anyway", { rmse: 9 }, gained([]), true],
  ])("that %s", (_, candidate, unknown, passed) => {
    expect(judged(candidate, unknown).improvement).toMatchObject({ passed });
  });

  it("says what it is let through for", () => {
    expect(judged({ rmse: 11 }, gained(["web-7"])).improvement.reason).toMatch(
      /10 % worse.*but it knows web-7, which the live model does not/,
    );
  });
});

function gained(champion: readonly string[]): Omit<Unknown, "entities"> {
  return { candidate: [], champion };
}
