import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Deployed } from "../../shared/contracts/deployer.ts";
import type { CloudEvent } from "../../shared/contracts/envelope.ts";
import { ForecasterSpec } from "../../shared/contracts/spec.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import type { Validated } from "../../shared/contracts/validator.ts";
import { testContext } from "../../test/support/context.ts";
import { approval } from "./deployer.fixture.ts";
import { assemble, useDeployer } from "./harness.fixture.ts";
import { serialise } from "./live-folder.ts";
import { parseStep } from "./parse-step.ts";

const { at, live } = useDeployer();

const FORECASTERS = 8;
const ROUNDS = 3;

it("two deployers at the same approvals: one deployment and one commit a run, and file, bucket and git agree", async () => {
  const second = await testContext(at.nats, {
    name: "deployer",
    clock: at.clock,
    configs: at.context.dirs.configs,
  });
  const { bus } = at.context;
  const names = Array.from({ length: FORECASTERS }, (_, index) => `${at.forecaster}-${index}`);
  for (const forecaster of names) {
    const spec = ForecasterSpec.parse({ forecaster, series: "usdclp", horizon: "7d" });
    await bus.kv("specs", ForecasterSpec).put(forecaster, spec);
  }
  const deployers = [await assemble(at.context), await assemble(second)];
  const message = async (step: "approved" | "deployed", { forecaster, run_id }: Validated) =>
    (await bus.lastMessage("DECISIONS", subjects.step(step, forecaster, run_id)))!;

  const runs: CloudEvent<Validated>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const events = await Promise.all(
      names.map(async (forecaster) => approval(await at.configs.get(forecaster), { forecaster })),
    );
    for (const event of events) {
      const { forecaster, run_id } = event.data;
      await bus.publishOnce(subjects.step("approved", forecaster, run_id), event);
    }
    await Promise.all(
      events.flatMap(({ data }) =>
        deployers.map(async ({ deployments }) => deployments.approved(await message("approved", data))),
      ),
    );
    runs.push(...events);
  }

  for (const { data } of runs)
    expect(parseStep(await message("deployed", data), Deployed).data.warnings).toEqual([]);
  const git = (...args: string[]) => execFileSync("git", args, { cwd: live(), encoding: "utf8" });
  const committed = git("log", "--format=%(trailers:key=Retune-Run,valueonly,separator=)").trim().split("\n");
  expect(committed.toSorted()).toEqual(runs.map(({ data }) => data.run_id).toSorted());
  expect(git("status", "--porcelain")).toBe("");
  for (const name of names) {
    const history = await at.configs.history(name);
    expect(history.map(({ value }) => value?.version)).toEqual([1, 2, 3]);
    const text = await readFile(join(live(), `${name}.json`), "utf8");
    expect(text).toBe(serialise(history.at(-1)!.value!));
    expect(git("show", `HEAD:${name}.json`)).toBe(text);
  }
  for (const { data } of runs) {
    const { data: report } = parseStep(await message("deployed", data), Deployed);
    expect(
      git("log", "-1", "--format=%(trailers:key=Retune-Run,valueonly,separator=)", report.git_hash!).trim(),
    ).toBe(data.run_id);
  }
  expect(deployers.reduce((sum, { deployments }) => sum + deployments.counts.deployed, 0)).toBe(runs.length);
  for (const { stop } of deployers) await stop();
  await second[Symbol.asyncDispose]();
});
