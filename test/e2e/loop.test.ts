import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { LiveConfig } from "../../shared/contracts/live-config.ts";
import { Health, Prediction, PredictReply } from "../../shared/contracts/telemetry.ts";
import { commitsByRun, disagreements, terminalSteps } from "../support/agreement.ts";
import { startSystem } from "../support/system.ts";
import { createWorld, series, testSpec, type World, withSamples } from "../support/world.ts";

const HOUR_MS = 3_600_000;

describe("the closed loop in one process, on a real server with a real model", () => {
  let world: World;
  let system: Awaited<ReturnType<typeof startSystem>>;
  const end = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;

  beforeAll(async () => {
    const strict = { ...testSpec("strict").validation, min_rmse_improvement: 0.9, min_mape_improvement: 0.9 };
    world = await createWorld([testSpec("first"), testSpec("strict", { validation: strict })]);
    await world.bus.publishTelemetry("observation", "load", series(900, end - HOUR_MS), "history");
    system = await startSystem(world);
  });
  afterAll(async () => {
    await system.stop();
    await world[Symbol.asyncDispose]();
  });

  it("answers discovery with every service (nats micro ls)", async () => {
    const names = [
      "inference-buffer",
      "fleet-monitor",
      "trigger",
      "optimizer",
      "validator",
      "deployer",
      "ab-tester",
      "forecaster",
      "notifier",
      "console",
    ];
    for (const name of names) {
      const Ping = z.object({ type: z.literal("io.nats.micro.v1.ping_response"), name: z.literal(name) });
      await world.bus.request(`$SRV.PING.${name}`, undefined, Ping);
    }
  });

  it("deploys a first config by itself, marked as such, and verifies it (A-VAL-6, A-DEP-1..7, A-MON-1)", async () => {
    for (const forecaster of ["first", "strict"]) {
      const run = await world.until("a first deployment", (runs) =>
        runs.find((each) => each.forecaster === forecaster && each.terminal),
      );
      expect(run.steps.map(({ step }) => step)).toEqual([
        "accepted",
        "searched",
        "approved",
        "deployed",
        "verified",
      ]);
      expect(run.steps[0]?.data).toMatchObject({ cause: "first-deployment" });
      expect(run.steps.find(({ step }) => step === "approved")?.data).toMatchObject({
        first_deployment: true,
      });
      expect(await disagreements(world, forecaster)).toEqual([]);
    }
  });

  it("serves the live config, and forecasts at a new observation (K-2)", async () => {
    await world.bus.publishTelemetry("observation", "load", series(1, end), "new");
    const newest = async () => {
      const message = await world.bus.lastMessage("TELEMETRY", "telemetry.prediction.first");
      return message === undefined ? [] : z.array(Prediction).parse(message.json());
    };
    await expect
      .poll(async () => (await newest())[0]?.issued_at, { timeout: 10_000 })
      .toBe(new Date(end).toISOString());
    const steps = await newest();
    expect(steps).toHaveLength(6);
    expect(steps[0]).toMatchObject({
      issued_at: new Date(end).toISOString(),
      step: 1,
      target_ts: new Date(end + HOUR_MS).toISOString(),
    });
    const reply = await world.bus.request("forecaster.predict.first", undefined, PredictReply);
    expect(reply.predictions).toHaveLength(6);
    const health = await world.bus.lastMessage("TELEMETRY", "telemetry.health.first");
    const live = await world.bus.kv("live-configs", LiveConfig).get("first");
    expect(Health.parse([health!.json()].flat()[0])).toMatchObject({
      status: "ok",
      live_revision: live!.revision,
    });
  });

  it("rejects a candidate that is no better, and says by how much (A-VAL-1, A-VAL-7)", async () => {
    const before = await world.bus.kv("live-configs", LiveConfig).get("strict");
    await world.changeSpec("strict", withSamples(33));
    const ended = await world.request("strict");
    expect(terminalSteps(ended)).toEqual(["rejected"]);
    const { reasons } = ended.steps.at(-1)!.data as unknown as { reasons: string[] };
    expect(reasons.join(" ")).toMatch(/RMSE .* better|RMSE .* worse/);
    expect(await world.bus.kv("live-configs", LiveConfig).get("strict")).toEqual(before);
  });

  it("rolls back at a person's word, with file, KV and git agreeing (A-MON-2)", async () => {
    await world.changeSpec("first", withSamples(33));
    const second = await world.request(JSON.stringify({ forecaster: "first", requested_by: "test" }));
    expect(second.state).toBe("verified");
    await world.bus.request(
      "deployer.rollback",
      { forecaster: "first", requested_by: "test" },
      z.looseObject({}),
      { timeoutMs: 20_000 },
    );
    const run = await world.until("a rollback", (runs) => runs.find((each) => each.state === "rolled-back"));
    expect(terminalSteps(run)).toEqual(["rolled-back"]);
    expect(await disagreements(world, "first")).toEqual([]);
  });

  it("gave every run one terminal event and one commit a deployment (A-DEP-3)", async () => {
    for (const run of (await world.runs()).values()) expect(terminalSteps(run)).toHaveLength(1);
    for (const [run, commits] of commitsByRun(world)) expect([run, commits <= 2]).toEqual([run, true]);
  });
});
