import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Deployed } from "../../shared/contracts/deployer.ts";
import { CloudEvent, type StepData } from "../../shared/contracts/envelope.ts";
import { Failed } from "../../shared/contracts/failed.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import type { Validated } from "../../shared/contracts/validator.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { testContext } from "../../test/support/context.ts";
import { APPROVED_AT, approval } from "./deployer.fixture.ts";
import { useDeployer } from "./harness.fixture.ts";
import { serialise } from "./live-folder.ts";
import { service } from "./main.ts";

const { at, start, stop, live, applySpec, champion, publish, published, eventually, deployed } =
  useDeployer();

describe("an approved run", () => {
  it("is deployed: bucket, file and git agree, and the report says so (A-DEP-1..7)", async () => {
    await start();
    const before = await champion();
    const event = approval(before, { forecaster: at.forecaster });
    const sequence = await publish("approved", event);
    const report = await published("deployed", event.data.run_id, Deployed);
    expect(report).toMatchObject({
      success: true,
      caused_by: [sequence],
      previous: before.value,
      backup_path: `backups/${at.forecaster}_20250113_023000.json`,
      config: { version: 2, run_id: event.data.run_id },
      warnings: [],
      evidence: { code_version: "test", champion_revision: before.revision, candidate_rmse: 8.45 },
    });
    expect(await at.configs.get(at.forecaster)).toEqual({ value: report.config, revision: report.revision });
    expect(await readFile(join(live(), `${at.forecaster}.json`), "utf8")).toBe(serialise(report.config));
    expect(
      execFileSync("git", ["log", "-1", "--format=%H %(trailers:key=Retune-Run,valueonly)"], {
        cwd: live(),
        encoding: "utf8",
      }).trim(),
    ).toBe(`${report.git_hash} ${event.data.run_id}`);
  });

  it("that cannot be deployed ends failed with its cause, and the champion stays", async () => {
    await mkdir(live(), { recursive: true });
    await writeFile(join(live(), "backups"), "in the way");
    await start();
    const before = await champion();
    const event = approval(before, { forecaster: at.forecaster });
    await publish("approved", event);
    expect(await published("failed", event.data.run_id, Failed)).toMatchObject({
      stage: "deployment",
      cause: expect.stringContaining("backups"),
      will_retry: false,
    });
    expect(await at.configs.get(at.forecaster)).toEqual(before);
  });

  it("whose payload breaks the contract ends failed and is kept as a dead letter", async () => {
    await start();
    const event = approval(undefined, { forecaster: at.forecaster });
    const broken = {
      ...event,
      data: { ...event.data, candidate: { ...event.data.candidate, temperature: -1 } },
    };
    const sequence = await publish("approved", broken);
    expect(await published("failed", event.data.run_id, Failed)).toMatchObject({
      cause: expect.stringContaining("field 'data.candidate.temperature'"),
    });
    const letter = subjects.alert("raised", "dead-letter", `DECISIONS-deployer-approved-${sequence}`);
    await eventually(() => at.context.bus.lastMessage("DECISIONS", letter), letter);
  });

  it("waits for its shadow stage where the spec asks for one, then goes by the outcome", async () => {
    await applySpec({ shadow: { enabled: true } });
    await start();
    const before = await champion();
    const [kept, promoted] = [
      approval(before, { forecaster: at.forecaster }),
      approval(before, { forecaster: at.forecaster }),
    ];
    for (const event of [kept, promoted]) await publish("approved", event);
    await eventually(
      async () =>
        at.context.log.lines.filter(({ message }) => message.includes("waits for its shadow stage"))
          .length === 2
          ? true
          : undefined,
      "both wait",
    );
    await publish("trialled", trialled(kept, "keep-champion"));
    const sequence = await publish("trialled", trialled(promoted, "promote"));
    const report = await published("deployed", promoted.data.run_id, Deployed);
    expect(report.caused_by).toEqual([expect.any(Number), sequence]);
    expect(await at.context.bus.outcome(kept.data.run_id, "deployment")).toBeUndefined();
  });

  it("goes where its validation said, whatever the spec says by now", async () => {
    await applySpec({ shadow: { enabled: true } });
    await start();
    const before = await champion();
    const event = approval(before, { forecaster: at.forecaster, next_stage: "deployment" });
    await publish("approved", event);
    const { config, revision } = await published("deployed", event.data.run_id, Deployed);
    await applySpec({});
    const waiting = approval({ value: config, revision }, { forecaster: at.forecaster, next_stage: "trial" });
    await publish("approved", waiting);
    await eventually(
      async () => at.context.log.lines.find(({ message }) => message.includes("waits for its shadow stage")),
      "it waits",
    );
    expect(await at.context.bus.outcome(waiting.data.run_id, "deployment")).toBeUndefined();
  });

  it("of a first deployment needs no shadow stage: there is nothing to compare with", async () => {
    await applySpec({ shadow: { enabled: true } });
    await start();
    expect(await deployed()).toMatchObject({ previous: null, config: { version: 1 } });
  });

  it("delivered to two deployers is deployed once", async () => {
    const second = await testContext(at.nats, {
      name: "deployer",
      clock: at.clock,
      configs: at.context.dirs.configs,
    });
    const other = await service.start(second);
    await start();
    const runs = await Promise.all([1, 2, 3].map(() => deployedFresh()));
    expect(new Set(runs.map(({ git_hash }) => git_hash)).size).toBe(3);
    expect(runs.flatMap(({ warnings }) => warnings)).toEqual([]);
    await other.stop();
    await second[Symbol.asyncDispose]();
  });
});

describe("at its start", () => {
  it("writes files that are missing or differ from the bucket, and keeps edits by hand as backups", async () => {
    const { value } = await champion();
    await start();
    const path = join(live(), `${at.forecaster}.json`);
    expect(await readFile(path, "utf8")).toBe(serialise(value));
    await stop();
    await writeFile(path, "{ edited by hand");
    await start();
    expect(await readFile(path, "utf8")).toBe(serialise(value));
    expect(await readFile(join(live(), `backups/${at.forecaster}_20250113_023000.json`), "utf8")).toBe(
      "{ edited by hand",
    );
    expect(
      at.context.log.lines
        .filter(({ level, fields }) => level === "warn" && fields.forecaster === at.forecaster)
        .map(({ message }) => message),
    ).toEqual(["config file was missing", "config file differed from the live config"]);
  });

  it("and then every minute: a late write of a paused process, a file of a config that was taken back", async () => {
    const { value } = await champion();
    const gone = { ...value, forecaster: `${at.forecaster}-gone` };
    await at.configs.put(gone.forecaster, gone);
    await at.configs.delete(gone.forecaster);
    at.context.env.RETUNE_RECONCILE_MS = "50";
    await start();
    const path = (name: string) => join(live(), `${name}.json`);
    await writeFile(path("foreign"), "{}");
    await writeFile(path(gone.forecaster), serialise(gone));
    await writeFile(path(at.forecaster), serialise({ ...value, version: 9 }));
    const text = (name: string) => readFile(path(name), "utf8").catch(() => undefined);
    await eventually(
      async () =>
        (await text(at.forecaster)) === serialise(value) && (await text(gone.forecaster)) === undefined
          ? true
          : undefined,
      "both files as the bucket says",
    );
    expect(await text("foreign")).toBe("{}");
  });

  it("refuses settings it does not understand, naming the variable", async () => {
    const broken = await testContext(at.nats, { env: { RETUNE_GIT_SIGN: "yes" } });
    await expect(service.start(broken)).rejects.toThrow("environment variable RETUNE_GIT_SIGN");
    await broken[Symbol.asyncDispose]();
  });
});

function trialled(
  { data, ...event }: CloudEvent<Validated>,
  outcome: "promote" | "keep-champion",
): CloudEvent<StepData> {
  const comparison = {
    pairs: 20,
    champion_rmse: 9,
    challenger_rmse: 8,
    champion_coverage: 0.95,
    challenger_coverage: 0.95,
    improvement: 0.1,
  };
  const { run_id, caused_by, evidence, candidate } = data;
  const about = { run_id, forecaster: at.forecaster, caused_by, evidence, candidate };
  return {
    ...event,
    id: newUuidV7(),
    data: { ...about, stage: "shadow", outcome, comparison, started_at: APPROVED_AT, ended_at: APPROVED_AT },
  };
}

/** A first deployment of a forecaster nobody else uses. */
async function deployedFresh(): Promise<Deployed> {
  const own = `${at.forecaster}-${newUuidV7().slice(-6)}`;
  const event = approval(undefined, { forecaster: own });
  await at.context.bus
    .kv("specs", ForecasterSpec)
    .put(own, ForecasterSpec.parse({ forecaster: own, series: "usdclp", horizon: "7d" }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await at.context.bus.publishOnce(subjects.step("approved", own, event.data.run_id), event);
  const message = await eventually(
    () => at.context.bus.lastMessage("DECISIONS", subjects.step("deployed", own, event.data.run_id)),
    own,
  );
  return Deployed.parse(CloudEvent.parse(message.json()).data);
}
