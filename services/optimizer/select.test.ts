import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrialResult } from "../../shared/contracts/optimizer.ts";
import { failureCauses, selectBest } from "./select.ts";

function trial(
  number: number,
  rmse: number | null,
  context = 90,
  samples = 50,
  temperature = 1,
): TrialResult {
  const metrics = { mape: 1, mae: 1, mase: 1, error_std: 1, mean_error: 0, coverage: 1, n: 1, windows: 1 };
  return {
    ...{ number, phase: "search", rmse, duration_ms: 1, worker: "w" },
    params: { context_length: context, num_samples: samples, temperature },
    metrics: rmse === null ? null : { rmse, ...metrics },
    ...(rmse === null ? { error: `broken ${number % 2}` } : {}),
  };
}

describe("selectBest (A-OPT-1, A-OPT-2)", () => {
  it.each([
    ["the least RMSE", [trial(0, 3), trial(1, 2), trial(2, 4)], 1],
    ["a finite RMSE before a failed trial", [trial(0, null), trial(1, 9)], 1],
    ["of equals the smaller context", [trial(0, 2, 180), trial(1, 2, 90)], 1],
    ["of equals with the same context fewer samples", [trial(0, 2, 90, 100), trial(1, 2, 90, 50)], 1],
    ["of equals in these the model's own spread", [0.8, 1, 1.2].map((t, i) => trial(i, 2, 90, 50, t)), 1],
    ["of equals in all the lower number", [trial(4, 2), trial(3, 2)], 3],
    ["a smaller RMSE before a cheaper config", [trial(0, 2, 90, 50), trial(1, 1.9, 365, 200)], 1],
    [
      "by the objective alone, where it can be told of some trials only",
      [
        { ...trial(0, 2), objective: null },
        { ...trial(1, 900), objective: 1.5 },
        { ...trial(2, 800), objective: 1.6 },
      ],
      1,
    ],
    [
      "by RMSE where the objective can be told of none",
      [1, 2].map((n) => ({ ...trial(n, n), objective: null })),
      1,
    ],
    ["nothing where every trial failed", [trial(0, null), trial(1, null)], undefined],
    ["nothing of no trials", [], undefined],
  ])("takes %s", (_, results, expected) => {
    expect(selectBest(results)?.number).toBe(expected);
  });

  it("does not depend on the order in which results came", () => {
    const results = [
      trial(0, 2, 90, 100),
      trial(1, 2, 90, 50),
      trial(2, null),
      trial(3, 2, 90, 50),
      trial(4, 2, 180, 20),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(results, { minLength: results.length }), (order) => {
        expect(selectBest(order)?.number).toBe(1);
      }),
    );
  });
});

describe("failureCauses (A-OPT-2)", () => {
  it("counts each cause, the most frequent first", () => {
    const results = [trial(0, null), trial(1, null), trial(2, null), trial(3, 1)];
    expect(failureCauses(results)).toBe("broken 0 (2 trials); broken 1 (1 trial)");
  });

  it("keeps a long list short", () => {
    const results = Array.from({ length: 9 }, (_, i) => ({ ...trial(i, null), error: `cause ${i}` }));
    expect(failureCauses(results)).toMatch(/cause 4 \(1 trial\); and 4 more causes$/);
  });
});
