import { describe, expect, it } from "vitest";
import { StrategyParameters } from "../../shared/contracts/strategy-parameters.ts";
import { type LiveEntry, type PastEntry, planDeployment, restoredConfig } from "./decide.ts";
import { approval, liveConfig } from "./deployer.fixture.ts";

const champion: LiveEntry = { value: liveConfig({ version: 3 }), revision: 12 };

describe("the plan of a deployment", () => {
  it("writes the candidate over the champion it was validated against, one version on", () => {
    const event = approval(champion);
    expect(planDeployment(event, champion, [], "7d")).toEqual({
      kind: "write",
      expectedRevision: 12,
      previous: champion.value,
      config: {
        ...liveConfig({ run_id: event.data.run_id }),
        context_length: 365,
        num_samples: 200,
        temperature: 0.8,
        version: 4,
        validation_rmse: 8.45,
        validation_mape: 0.89,
        validation_mae: 6.73,
        timestamp: event.time,
      },
    });
  });

  it("gives a first deployment version 1 and no predecessor", () => {
    expect(planDeployment(approval(undefined), undefined, [], "7d")).toMatchObject({
      kind: "write",
      expectedRevision: 0,
      previous: null,
      config: { version: 1, horizon: "7d" },
    });
  });

  it("never repeats a version after the config was removed", () => {
    const history: PastEntry[] = [
      { value: liveConfig({ version: 1 }), revision: 1 },
      { value: null, revision: 2 },
    ];
    expect(planDeployment(approval(undefined), undefined, history, "7d")).toMatchObject({
      kind: "write",
      config: { version: 2 },
    });
  });

  it("keeps fields it does not know, but not the mark of a restored config", () => {
    const live = {
      value: liveConfig({ position_size: 0.5, restored_from_version: 2, model_params: { depth: 4 } }),
      revision: 5,
    };
    const plan = planDeployment(approval(live), live, [], "7d");
    expect(plan).toMatchObject({ kind: "write", config: { position_size: 0.5 } });
    expect(plan.kind === "write" && "restored_from_version" in plan.config).toBe(false);
    expect(plan.kind === "write" && "model_params" in plan.config).toBe(false);
  });

  it("keeps how forecasts are traded and its measures, as far as the candidate says nothing of them (B-STR-1)", () => {
    const present = StrategyParameters.parse({ stop_loss: 0.02 });
    const tuned = StrategyParameters.parse({ stop_loss: 0.05 });
    const live = { value: liveConfig({ strategy: present }), revision: 5 };
    expect(planDeployment(approval(live), live, [], "7d")).toMatchObject({ config: { strategy: present } });

    const event = approval(live);
    const { candidate } = event.data;
    const data = { ...event.data, candidate: { ...candidate, strategy: tuned }, candidate_metrics: null };
    const { validation_rmse, validation_mape, validation_mae } = live.value;
    expect(planDeployment({ ...event, data }, live, [], "7d")).toMatchObject({
      config: { strategy: tuned, validation_rmse, validation_mape, validation_mae },
    });
  });

  it("finds what an earlier attempt has written", () => {
    const event = approval(champion);
    const written = { value: liveConfig({ version: 4, run_id: event.data.run_id }), revision: 13 };
    const history = [champion, written];
    expect(planDeployment(event, written, history, "7d")).toEqual({
      kind: "written",
      config: written.value,
      previous: champion.value,
      revision: 13,
    });
  });

  it("refuses a champion that changed since validation and says what is live now (A-DEP-6)", () => {
    const now = { value: liveConfig({ version: 4 }), revision: 14 };
    expect(planDeployment(approval(champion), now, [champion, now], "7d")).toMatchObject({
      kind: "refused",
      cause: expect.stringMatching(/champion changed since validation.*revision 12.*version 4.*revision 14/),
    });
    expect(planDeployment(approval(champion), undefined, [champion], "7d")).toMatchObject({
      kind: "refused",
      cause: expect.stringContaining("no config is live"),
    });
  });

  it("does not deploy again what an earlier attempt had to take back", () => {
    const event = approval(champion);
    const failed = liveConfig({ version: 4, run_id: event.data.run_id });
    const restored = { value: restoredConfig(champion.value, failed), revision: 14 };
    const history = [champion, { value: failed, revision: 13 }, restored];
    expect(planDeployment(event, restored, history, "7d").kind).toBe("taken-back");
  });

  it("refuses a forecaster of which nobody says the horizon", () => {
    expect(planDeployment(approval(undefined), undefined, [], undefined)).toMatchObject({
      kind: "refused",
      cause: expect.stringContaining("horizon"),
    });
  });
});

it("a restored config is a new version with the old content, and says what it replaces", () => {
  const old = liveConfig({ version: 3 });
  expect(restoredConfig(old, { version: 4 })).toEqual({ ...old, version: 5, restored_from_version: 4 });
});
