import { describe, expect, it } from "vitest";
import type { DetectorName } from "../../../shared/contracts/spec-detectors.ts";
import { combine } from "./combine.ts";

const [yes, no, unsure] = [true, false, null];
const results = (verdicts: Partial<Record<DetectorName, boolean | null>>) =>
  Object.entries(verdicts).map(([detector, fired]) => ({ detector: detector as DetectorName, fired }));

describe("detectors combined", () => {
  it.each([
    ["any", { performance: yes, drift: no, time: unsure }, true],
    ["any", { performance: no, drift: no }, false],
    ["any", { performance: no, drift: unsure }, null],
    ["any", {}, false],
    ["all", { performance: yes, drift: yes }, true],
    ["all", { performance: yes, drift: no, time: unsure }, false],
    ["all", { performance: yes, drift: unsure }, null],
    ["all", {}, false],
    [{ at_least: 2 }, { performance: yes, drift: no, psi: yes }, true],
    [{ at_least: 2 }, { performance: yes, drift: no, psi: no }, false],
    [{ at_least: 2 }, { performance: yes, drift: unsure, psi: no }, null],
    [{ at_least: 3 }, { performance: yes, drift: yes }, false],
    [
      { at_least: 1, of: ["drift", "psi"] as DetectorName[] },
      { performance: yes, drift: no, psi: no },
      false,
    ],
    [{ at_least: 1, of: ["drift", "psi"] as DetectorName[] }, { performance: no, psi: yes }, true],
  ] as const)("%j of %j: %s", (rule, verdicts, verdict) =>
    expect(combine(results(verdicts), rule as Parameters<typeof combine>[1]).verdict).toBe(verdict),
  );
});
