import { describe, expect, it } from "vitest";
import { ValidationSpec } from "../../shared/contracts/spec.ts";
import { type Comparison, decide } from "./decide.ts";
import type { Measured } from "./state.ts";

const params = ValidationSpec.parse({});
const manual = ValidationSpec.parse({ approval: "manual" });
const measured: Measured = {
  ...{ rmse: 10, mape: 2, mae: 8, mase: 0.9, error_std: 10, mean_error: 1, coverage: 0.95 },
  ...{ n: 100, windows: 30, inference_ms: 20 },
};
const config = {
  context_length: 90,
  num_samples: 50,
  temperature: 1,
  model: "last-value",
  artifact: null,
} as const;
const better: Comparison = {
  candidate: config,
  champion: { ...config, context_length: 180, version: 4 },
  candidateMetrics: { ...measured, rmse: 9 },
  championMetrics: measured,
};
const worse: Comparison = { ...better, candidateMetrics: { ...measured, rmse: 9.9, coverage: 0.5 } };
const first: Comparison = { ...better, champion: null, championMetrics: null };

describe("a verdict", () => {
  it("approves what passes every criterion, with all reasons", () => {
    const verdict = decide(better, params);
    expect(verdict).toMatchObject({ step: "approved", approved: true, first_deployment: false });
    expect(verdict.reasons).toHaveLength(5);
  });

  it("rejects with the reason of each criterion that is not passed", () => {
    const verdict = decide(worse, params);
    expect(verdict).toMatchObject({ step: "rejected", approved: false });
    expect(verdict.reasons).toEqual([
      expect.stringMatching(/^RMSE 10\.00 -> 9\.900: 1 % better, needs 5 %/),
      expect.stringMatching(/^50 % of 100 actuals/),
    ]);
    expect(verdict.criteria.map(({ passed }) => passed)).toEqual([false, true, true, false, true]);
  });

  it("holds what passes where the spec asks for a person, and still rejects what does not", () => {
    const verdict = decide(better, manual);
    expect(verdict).toMatchObject({ step: "held", approved: true });
    expect(verdict.reasons.at(-1)).toBe("the spec asks for a person's approval");
    expect(decide(worse, manual).step).toBe("rejected");
  });

  it("approves the first deployment and marks it (A-VAL-6)", () => {
    const verdict = decide(first, params);
    expect(verdict).toMatchObject({ step: "approved", approved: true, first_deployment: true });
    expect(verdict.reasons).toEqual(["first deployment: nothing is live to beat"]);
  });

  it("approves a poor first deployment, too, and says what it fell short of (A-VAL-6)", () => {
    const verdict = decide({ ...first, candidateMetrics: { ...measured, coverage: 0.5 } }, params);
    expect(verdict.step).toBe("approved");
    expect(verdict.reasons[1]).toMatch(/^coverage would not have passed: 50 %/);
  });

  it("holds a first deployment, too, where the spec asks for a person", () => {
    expect(decide(first, manual)).toMatchObject({ step: "held", first_deployment: true });
  });

  it("rejects a candidate that is the champion, whatever was measured", () => {
    const same = { ...better, champion: { ...config, version: 4 } };
    const reason = "the candidate is the live config, version 4: deploying it would change nothing";
    for (const spec of [params, manual]) {
      const verdict = decide(same, spec);
      expect(verdict).toMatchObject({ step: "rejected", reasons: [reason] });
      expect(verdict.criteria[0]).toMatchObject({ name: "improvement", passed: false, reason });
    }
  });

  it.each(["context_length", "num_samples", "temperature", "model", "artifact"] as const)(
    "sees another config in one with another %s",
    (field) => {
      const other = {
        context_length: 91,
        num_samples: 51,
        temperature: 1.1,
        model: "seasonal-naive",
        artifact: "x",
      };
      const champion = { ...config, version: 4, [field]: other[field] } as Comparison["champion"];
      expect(decide({ ...better, champion }, params).step).toBe("approved");
    },
  );
});
