import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Deployed, RolledBack, Verified } from "../../shared/contracts/deployer.ts";
import type { StepData } from "../../shared/contracts/envelope.ts";
import { modelVersion } from "../../shared/contracts/live-config.ts";
import { newEvent } from "../../shared/events.ts";
import { APPROVED_AT, approval } from "./deployer.fixture.ts";
import { MINUTE, START, useDeployer } from "./harness.fixture.ts";
import { serialise } from "./live-folder.ts";
import { WatchState, watchKey } from "./state.ts";

const { at, start, stop, live, champion, publish, published, watchState, deployed, beat, score } =
  useDeployer();

describe("the watch after a deployment (A-MON-1)", () => {
  it("verifies a run whose forecaster stayed healthy for an hour", async () => {
    await start();
    const report = await deployed(await champion());
    await beat(report.revision);
    await at.clock.advanceTo(START + 60 * MINUTE);
    expect(await published("verified", report.run_id, Verified)).toMatchObject({
      config_version: 2,
      checks: 60,
      failed_checks: 0,
    });
    await at.clock.advanceTo(START + 90 * MINUTE);
    expect((await watchState())?.value).toMatchObject({ phase: "ended", checks: 60 });
  });

  it("rolls back at the third failed check in a row: bucket, file and git have the old config again", async () => {
    await start();
    const before = await champion();
    const report = await deployed(before);
    await beat(report.revision, { status: "degraded", error: "model file is truncated" });
    await at.clock.advanceTo(START + 2 * MINUTE);
    expect((await watchState())?.value).toMatchObject({ phase: "watching", consecutive_failures: 2 });
    await at.clock.advanceTo(START + 3 * MINUTE);
    const event = await published("rolled-back", report.run_id, RolledBack);
    expect(event).toMatchObject({
      cause: "watch",
      rolled_back_run: report.run_id,
      from_version: 2,
      reasons: ["i1 is degraded: model file is truncated"],
      restored: { ...before.value, version: 3, restored_from_version: 2 },
      last_checks: [{ healthy: false }, { healthy: false }, { healthy: false }],
      warnings: [],
    });
    expect(await at.configs.get(at.forecaster)).toEqual({ value: event.restored, revision: event.revision });
    expect(await readFile(join(live(), `${at.forecaster}.json`), "utf8")).toBe(serialise(event.restored!));
    expect((await watchState())?.value.phase).toBe("ended");
  });

  it("starts counting anew after a healthy check", async () => {
    await start();
    const report = await deployed(await champion());
    for (const [minute, status] of ["degraded", "degraded", "ok", "degraded", "degraded"].entries()) {
      await beat(report.revision, { status });
      await at.clock.advanceTo(START + (minute + 1) * MINUTE);
    }
    expect((await watchState())?.value).toMatchObject({
      phase: "watching",
      checks: 5,
      failed_checks: 4,
      consecutive_failures: 2,
    });
  });

  it("rolls back a config whose scores are much worse than the champion's", async () => {
    await start();
    const before = await champion();
    await score(modelVersion(before.value), 1, 10);
    const report = await deployed(before);
    await beat(report.revision);
    await score(modelVersion(report.config), 5, 5);
    await at.clock.advanceTo(START + 3 * MINUTE);
    expect((await published("rolled-back", report.run_id, RolledBack)).reasons[0]).toContain(
      "5 times the champion's",
    );
  });

  it("removes a first deployment that fails: there is nothing to go back to", async () => {
    await start();
    const report = await deployed();
    await at.clock.advanceTo(START + 3 * MINUTE);
    const event = await published("rolled-back", report.run_id, RolledBack);
    expect(event).toMatchObject({
      restored: null,
      revision: 0,
      reasons: ["no heartbeat of any instance", expect.stringContaining("no earlier config")],
    });
    expect(await at.configs.get(at.forecaster)).toBeUndefined();
    await expect(stat(join(live(), `${at.forecaster}.json`))).rejects.toThrow("ENOENT");
  });

  it("is continued by the next process, with the checks that were made", async () => {
    await start();
    const report = await deployed(await champion());
    await at.clock.advanceTo(START + 2 * MINUTE);
    await stop();
    await start();
    await at.clock.advanceTo(START + 3 * MINUTE);
    expect(await published("rolled-back", report.run_id, RolledBack)).toMatchObject({
      last_checks: [{}, {}, {}],
    });
  });

  it("finishes at its start a rollback that a killed process had begun", async () => {
    await start();
    const report = await deployed(await champion());
    await stop();
    const entry = (await watchState())!;
    const rollback = {
      cause: "watch",
      reasons: ["unwell"],
      event_run: report.run_id,
      rolled_back_run: report.run_id,
      from_version: 2,
      to: report.previous,
      at: APPROVED_AT,
      claimed_at_ms: Date.now(),
    } as const;
    await at.context.bus
      .kv("states", WatchState)
      .update(
        watchKey(at.forecaster),
        { ...entry.value, phase: "rolling-back", rollback: { ...rollback, reasons: [...rollback.reasons] } },
        entry.revision,
      );
    await start();
    expect(await published("rolled-back", report.run_id, RolledBack)).toMatchObject({
      restored: { version: 3 },
      reasons: ["unwell"],
    });
  });

  it("begins at the start for a deployment that nobody watches, and for none that has ended", async () => {
    const [open, ended] = [approval(undefined), approval(undefined)].map(({ data }) => data.run_id);
    const reports: Deployed[] = [];
    for (const run_id of [ended, open]) {
      const { value, revision } = await champion({ run_id });
      const about = {
        run_id: run_id!,
        forecaster: at.forecaster,
        caused_by: [],
        evidence: { code_version: "t" },
      };
      reports.push({
        ...{ ...about, success: true, config: value, revision, previous: null },
        ...{ backup_path: null, git_hash: null, warnings: [] },
      });
    }
    const event = (data: StepData) =>
      newEvent({ source: "t", type: "t", subject: at.forecaster, timeMs: START, data });
    await publish("deployed", event(reports[0]!));
    await at.context.bus.conclude("watch", "rolled-back", event({ ...reports[0]!, success: undefined }));
    await start();
    expect(await watchState()).toBeUndefined();
    await stop();
    await publish("deployed", event(reports[1]!));
    await start();
    expect((await watchState())?.value).toMatchObject({ run_id: open, phase: "watching" });
    await beat(reports[1]!.revision);
    await at.clock.advanceTo(START + 60 * MINUTE);
    expect(await published("verified", open!, Verified)).toMatchObject({ checks: 60, failed_checks: 0 });
  });
});
