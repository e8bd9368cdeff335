import { describe, expect, it } from "vitest";
import { ForecasterSpec } from "../../../shared/contracts/spec.ts";
import { stuckStage } from "./reaper.ts";

const HOUR_MS = 3_600_000;
const run = "01900000-0000-7000-8000-000000000001";

describe("a run without a new step for 7 hours, at a limit of 6", () => {
  it.each([
    ["accepted", false, "search"],
    ["searched", false, "validation"],
    ["approved", false, "deployment"],
    ["trialled", false, "deployment"],
    ["held", false, undefined],
    ["approved", true, undefined],
  ] as const)("at '%s' (shadow %s) hangs in %s", (step, shadow, stage) => {
    const spec = ForecasterSpec.parse({
      forecaster: "a",
      series: "s",
      horizon: "7d",
      shadow: { enabled: shadow },
    });
    const active = { run, step, step_sequence: 1, step_stored_at: 0, first_deployment: false };
    expect(stuckStage(active, 7 * HOUR_MS, 6 * HOUR_MS, spec)).toBe(stage);
    expect(stuckStage(active, 5 * HOUR_MS, 6 * HOUR_MS, spec)).toBeUndefined();
  });

  it("searches for as long as its spec allows, with what is trained afterwards and a fallback", () => {
    const search = { time_limit: "8h", fallback: { time_limit: "1h" } };
    const spec = ForecasterSpec.parse({ forecaster: "a", series: "s", horizon: "7d", search });
    const active = { run, step: "accepted", step_sequence: 1, step_stored_at: 0 } as const;
    const at = (hours: number) =>
      stuckStage({ ...active, first_deployment: false }, hours * HOUR_MS, 6 * HOUR_MS, spec);
    expect([at(6 + 2 * 8 + 1), at(6 + 2 * 8 + 1.1)]).toEqual([undefined, "search"]);
  });

  it("after its deployment hangs in its watch, which is given its own duration on top", () => {
    const spec = ForecasterSpec.parse({
      forecaster: "a",
      series: "s",
      horizon: "7d",
      watch: { duration: "2h" },
    });
    const active = { run, step: "deployed", step_sequence: 1, step_stored_at: 0 } as const;
    const at = (hours: number, known: ForecasterSpec | undefined) =>
      stuckStage({ ...active, first_deployment: false }, hours * HOUR_MS, 6 * HOUR_MS, known);
    expect([at(8, spec), at(8.1, spec)]).toEqual([undefined, "watch"]);
    expect([at(7, undefined), at(7.1, undefined)]).toEqual([undefined, "watch"]);
  });

  it.each([
    ["trial", false],
    ["deployment", true],
  ] as const)("is in the %s that its approval named, whatever the spec says now", (next_stage, enabled) => {
    const spec = ForecasterSpec.parse({ forecaster: "a", series: "s", horizon: "7d", shadow: { enabled } });
    const active = { run, step: "approved", step_sequence: 1, step_stored_at: 0 } as const;
    expect(
      stuckStage({ ...active, first_deployment: false, next_stage }, 8 * 24 * HOUR_MS, 6 * HOUR_MS, spec),
    ).toBe(next_stage);
  });

  it("in a shadow trial of 7 days hangs after 7 days and the limit; a first deployment has no trial", () => {
    const spec = ForecasterSpec.parse({
      forecaster: "a",
      series: "s",
      horizon: "7d",
      shadow: { enabled: true },
    });
    const active = {
      run,
      step: "approved",
      step_sequence: 1,
      step_stored_at: 0,
      first_deployment: false,
    } as const;
    expect(stuckStage(active, 7 * 24 * HOUR_MS + 7 * HOUR_MS, 6 * HOUR_MS, spec)).toBe("trial");
    expect(stuckStage({ ...active, first_deployment: true }, 7 * HOUR_MS, 6 * HOUR_MS, spec)).toBe(
      "deployment",
    );
  });
});
