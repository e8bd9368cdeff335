import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { StrategyReport } from "../../shared/contracts/strategy.ts";
import { PredictReply } from "../../shared/contracts/telemetry.ts";
import { retune, startSystem } from "../support/system.ts";
import { createWorld, series, testSpec, type World } from "../support/world.ts";

const HOUR_MS = 3_600_000;
const FORECASTER = "coin";

describe("a trading signal in the closed loop (B-TRN-2, B-TRN-3, B-STR-1)", () => {
  let world: World;
  let system: Awaited<ReturnType<typeof startSystem>>;

  beforeAll(async () => {
    const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    const search = {
      space: { context_length: [100], model_params: { leaves: [4, 12], train_steps: [300] } },
      backtest: "2d",
      step_size: 6,
      history: "40d",
    };
    const strategy = { history: "30d", holdout: "8d", retrain: "8d", trials: 20, min_trades: 3 };
    world = await createWorld([testSpec(FORECASTER, { model: { family: "signal" }, search, strategy })]);
    await world.bus.publishTelemetry("observation", "load", series(900, end), "history");
    system = await startSystem(world);
  });
  afterAll(async () => {
    await system.stop();
    await world[Symbol.asyncDispose]();
  });

  it("is searched, trained, validated, deployed and served like any model", async () => {
    const run = await world.until("a first deployment", (runs) =>
      runs.find((each) => each.forecaster === FORECASTER && each.terminal),
    );
    expect(run.steps.map(({ step }) => step)).toEqual([
      "accepted",
      "searched",
      "approved",
      "deployed",
      "verified",
    ]);
    const live = await world.bus.kv("live-configs", LiveConfig).get(FORECASTER);
    expect(live!.value).toMatchObject({ model: "signal", artifact: expect.stringMatching(/^sha256-/) });
    const reply = await world.bus.request(`forecaster.predict.${FORECASTER}`, undefined, PredictReply);
    expect(reply.predictions).toHaveLength(6);
  });

  it("is traded on the recorded prices by retune strategy", async () => {
    const { code, out, err } = await retune(world, ["strategy", "tune", FORECASTER, "--json"]);
    expect(code, err).toBe(0);
    const report = StrategyReport.parse(JSON.parse(out));
    expect(report).toMatchObject({ model: "signal", version: 1, trials: { total: 20 } });
    expect(report.forecasts).toBe(report.bars - 1);
  });
});
