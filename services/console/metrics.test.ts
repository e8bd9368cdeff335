import { describe, expect, it } from "vitest";
import { historyMetrics } from "./metrics.ts";
import { RunScript, START_MS } from "./testing/samples.ts";

const DAY_MS = 86_400_000;
const script = (name: string, day = 0, forecaster = "eurusd-7d") =>
  new RunScript(forecaster, name, START_MS + day * DAY_MS);

describe("history metrics (A-HIS-1)", () => {
  it("counts runs, verdicts, deployments and roll-backs", () => {
    const runs = [
      script("a").accepted().searched().verdict("approved").deployed(1).verified(1),
      script("b", 10).accepted().searched().verdict("rejected"),
      script("c", 20).accepted().searched().verdict("approved").deployed(2).rolledBack(2),
      script("d", 30)
        .accepted()
        .searched({ optimization_time_seconds: 10.3 })
        .verdict("held")
        .verdict("approved")
        .failed({ stage: "deployment" }),
      script("e", 31).refused(),
      script("f", 40).accepted(),
    ].map((each) => each.folded());
    expect(historyMetrics(runs)).toEqual({
      runs: 5,
      active: 1,
      outcomes: { verified: 1, rejected: 1, "rolled-back": 1, failed: 1, refused: 1 },
      validated: 4,
      validation_success_rate: 0.75,
      deployments: 2,
      deployment_success_rate: 1 / 3,
      rollbacks: 1,
      mean_optimization_seconds: (3 * 5.7 + 10.3) / 4,
      mean_rmse_before: 0.0085,
      mean_rmse_after: 0.0079,
      mean_days_between_deployments: 20,
    });
  });

  it("counts a deployment as taken back when a person did it after the watch, in a run of its own", () => {
    const verified = script("a").accepted().searched().verdict("approved").deployed(2).verified(2);
    const later = script("b", 5).rolledBack(2, { cause: "manual", rolled_back_run: verified.run });
    const figures = historyMetrics([verified.folded(), later.folded()]);
    expect(figures).toMatchObject({ runs: 1, deployments: 1, deployment_success_rate: 0, rollbacks: 1 });
  });

  it("has no rates without cases", () => {
    expect(historyMetrics([])).toMatchObject({
      runs: 0,
      validation_success_rate: null,
      deployment_success_rate: null,
      mean_optimization_seconds: null,
    });
  });

  it("measures stability within a forecaster, never across", () => {
    const runs = [script("a", 0), script("b", 3, "eurusd-30d")].map((each) =>
      each.accepted().searched().verdict("approved").deployed(1).folded(),
    );
    expect(historyMetrics(runs).mean_days_between_deployments).toBeNull();
  });
});
