import { describe, expect, it } from "vitest";
import { Deployed, RolledBack, Verified } from "../../shared/contracts/deployer.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { approval } from "./deployer.fixture.ts";
import { MINUTE, START, useDeployer } from "./harness.fixture.ts";
import { WatchState, watchKey } from "./state.ts";

const { at, start, champion, publish, published, inPhase, deployed, beat } = useDeployer();

describe("a rollback by hand (A-MON-2)", () => {
  const rollback = (request: object = {}) =>
    at.context.bus.request(
      "deployer.rollback",
      { forecaster: at.forecaster, requested_by: "ana", ...request },
      RolledBack,
    );

  it("ends the watched run", async () => {
    await start();
    const report = await deployed(await champion());
    expect(await rollback({ reason: "odd forecasts" })).toMatchObject({
      run_id: report.run_id,
      cause: "manual",
      reasons: ["odd forecasts"],
      requested_by: "ana",
      restored: { version: 3 },
    });
    await at.clock.advanceTo(START + 61 * MINUTE);
    expect(
      await at.context.bus.lastMessage("DECISIONS", subjects.step("verified", at.forecaster, report.run_id)),
    ).toBeUndefined();
  });

  it("of a verified run is a run of its own", async () => {
    await start();
    const report = await deployed(await champion());
    await beat(report.revision);
    await at.clock.advanceTo(START + 60 * MINUTE);
    const event = await rollback();
    expect(event.run_id).not.toBe(report.run_id);
    expect(event).toMatchObject({
      rolled_back_run: report.run_id,
      from_version: 2,
      restored: { version: 3 },
    });
    expect(await published("rolled-back", event.run_id, RolledBack)).toEqual(event);
  });

  it("asked for twice does not remove what the first one restored", async () => {
    await start();
    const first = await deployed();
    await beat(first.revision);
    await at.clock.advanceTo(START + 60 * MINUTE);
    const next = approval({ value: first.config, revision: first.revision }, { forecaster: at.forecaster });
    await publish("approved", next);
    await published("deployed", next.data.run_id, Deployed);
    await inPhase("watching");
    expect((await rollback()).restored).toMatchObject({ version: 3, run_id: first.run_id });
    await expect(rollback()).rejects.toThrow(/nothing to roll back '.*' to from version 3: it was restored/);
    expect((await at.configs.get(at.forecaster))?.value.version).toBe(3);
  });

  it("has clear errors where nothing is live, nothing was before, or the request is broken", async () => {
    await start();
    await expect(rollback()).rejects.toThrow(`nothing to roll back: '${at.forecaster}' has no live config`);
    await champion();
    await expect(rollback()).rejects.toThrow("no earlier config is known");
    await expect(rollback({ forecaster: "no such.id" })).rejects.toThrow("field 'forecaster'");
  });

  it("takes a config put live by hand back to what was before it", async () => {
    await start();
    const before = await champion();
    await champion({ version: 2 });
    expect((await rollback()).restored).toEqual({ ...before.value, version: 3, restored_from_version: 2 });
  });

  it("of a run whose watch ended just before its process was killed comes after its verification", async () => {
    await start();
    const report = await deployed(await champion());
    const states = at.context.bus.kv("states", WatchState);
    const entry = (await states.get(watchKey(at.forecaster)))!;
    await states.update(watchKey(at.forecaster), { ...entry.value, phase: "verifying" }, entry.revision);
    const event = await rollback();
    expect(event.run_id).not.toBe(report.run_id);
    expect(event).toMatchObject({ rolled_back_run: report.run_id, restored: { version: 3 } });
    expect(await published("verified", report.run_id, Verified)).toMatchObject({ config_version: 2 });
  });
});
