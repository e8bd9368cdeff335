import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Deployed, RolledBack, Verified } from "../../shared/contracts/deployer.ts";
import { Failed } from "../../shared/contracts/failed.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { approval } from "./deployer.fixture.ts";
import { MINUTE, START, useDeployer } from "./harness.fixture.ts";
import { type RollbackIntent, WatchState, watchKey } from "./state.ts";

const { at, start, stop, live, champion, publish, published, eventually, inPhase, deployed, beat } =
  useDeployer();

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

  it("of a config whose commit is still being made fails its deployment, and ends the watch before it", async () => {
    mkdirSync(live(), { recursive: true });
    execFileSync("git", ["init"], { cwd: live() });
    await start();
    const first = await deployed();
    await beat(first.revision);
    const held = join(live(), "held");
    writeFileSync(held, "");
    const hook = `#!/bin/sh\nwhile [ -e '${held}' ]; do sleep 0.02; done\n`;
    writeFileSync(join(live(), ".git/hooks/pre-commit"), hook, { mode: 0o755 });
    const next = approval({ value: first.config, revision: first.revision }, { forecaster: at.forecaster });
    await publish("approved", next);
    await eventually(
      async () => ((await at.configs.get(at.forecaster))?.value.version === 2 ? true : undefined),
      "version 2",
    );
    const asked = rollback();
    await eventually(
      async () => ((await at.configs.get(at.forecaster))?.value.version === 3 ? true : undefined),
      "version 3",
    );
    rmSync(held);
    expect(await asked).toMatchObject({ from_version: 2, restored: { version: 3 } });
    expect(await published("failed", next.data.run_id, Failed)).toMatchObject({
      stage: "deployment",
      cause: "version 2 of this run was live and was taken back",
    });
    expect(await published("verified", first.run_id, Verified)).toMatchObject({
      evidence: { ended_early: `superseded by run ${next.data.run_id}` },
    });
    const deployment = subjects.step("deployed", at.forecaster, next.data.run_id);
    expect(await at.context.bus.lastMessage("DECISIONS", deployment)).toBeUndefined();
  });

  it("that was finished before the deployment was heard of is the end of the run", async () => {
    await start();
    const report = await deployed(await champion());
    await stop();
    const states = at.context.bus.kv("states", WatchState);
    const entry = (await states.get(watchKey(at.forecaster)))!;
    const intent: RollbackIntent = {
      cause: "manual",
      reasons: ["asked for"],
      event_run: newUuidV7(),
      rolled_back_run: report.run_id,
      from_version: 2,
      to: report.previous,
      at: new Date(START).toISOString(),
      claimed_at_ms: Date.now(),
    };
    await states.update(
      watchKey(at.forecaster),
      { ...entry.value, phase: "ended", rollback: intent },
      entry.revision,
    );
    await start();
    expect(await published("rolled-back", report.run_id, RolledBack)).toMatchObject({
      rolled_back_run: report.run_id,
      restored: { version: 3 },
    });
  });
});
