import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { message } from "../../shared/bus/message.ts";
import { stepType } from "../../shared/contracts/envelope.ts";
import { Failed } from "../../shared/contracts/failed.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import { UnavailableError } from "../../shared/errors.ts";
import { newEvent } from "../../shared/events.ts";
import { approval } from "./deployer.fixture.ts";
import { MAX_DELIVERIES } from "./deployments.ts";
import { assemble, START, useDeployer } from "./harness.fixture.ts";
import { serialise } from "./live-folder.ts";
import type { LivePorts } from "./ports.ts";

const { at, live, champion, publish, published } = useDeployer();

let parts: Awaited<ReturnType<typeof assemble>>;
beforeEach(async () => {
  parts = await assemble(at.context);
});
afterEach(() => parts.stop());

/** An approval over a champion, in the stream, as its message of that delivery. */
async function approved() {
  const before = await champion();
  const event = approval(before, { forecaster: at.forecaster });
  const run = event.data.run_id;
  const sequence = await publish("approved", event);
  const subject = subjects.step("approved", at.forecaster, run);
  const delivery = (deliveries: number) =>
    message({
      ...{ subject, sequence, deliveries, time: new Date(START) },
      data: Buffer.from(JSON.stringify(event)),
    });
  return { before, run, delivery };
}

/** What the trigger does to a run that hangs. */
async function reap(run: string): Promise<void> {
  const { source, bus } = at.context;
  const about = { run_id: run, forecaster: at.forecaster, caused_by: [], evidence: { code_version: "test" } };
  const data: Failed = { ...about, stage: "deployment", cause: "nothing happened", will_retry: false };
  const type = stepType("failed");
  await bus.conclude(
    "deployment",
    "failed",
    newEvent({ source, type, subject: at.forecaster, timeMs: START, data }),
  );
}

const commitsAfter = (task: () => Promise<void>): LivePorts["repository"] => ({
  commit: async (request) => {
    await task();
    return parts.ports.repository.commit(request);
  },
});
const dies = () => Promise.reject(new UnavailableError("the bus is away"));
const isDeployed = async (run: string) =>
  (await at.context.bus.lastMessage("DECISIONS", subjects.step("deployed", at.forecaster, run))) !==
  undefined;

async function expectRestored({ before, run }: Pick<Awaited<ReturnType<typeof approved>>, "before" | "run">) {
  const now = await at.configs.get(at.forecaster);
  expect(now?.value).toEqual({ ...before.value, version: 3, restored_from_version: 2 });
  expect(await readFile(join(live(), `${at.forecaster}.json`), "utf8")).toBe(serialise(now!.value));
  expect(await isDeployed(run)).toBe(false);
}

describe("a run that ends failed has nothing live (A-DEP-6)", () => {
  it("where it is reaped while its deployment is slow", async () => {
    const { before, run, delivery } = await approved();
    const deployments = parts.through({ repository: commitsAfter(() => reap(run)) });
    await deployments.approved(delivery(1));
    await expectRestored({ before, run });
    expect(await at.context.bus.outcome(run, "deployment")).toMatchObject({ step: "failed" });
    expect(deployments.counts).toEqual({ deployed: 0, failed: 0 });
  });

  it("where its deployer was killed after the write, and it was reaped before it was delivered again", async () => {
    const { before, run, delivery } = await approved();
    await expect(parts.through({ repository: commitsAfter(dies) }).approved(delivery(1))).rejects.toThrow();
    await reap(run);
    expect((await at.configs.get(at.forecaster))?.value.run_id).toBe(run);
    await parts.deployments.approved(delivery(2));
    await expectRestored({ before, run });
  });

  it("where nobody delivers it again: the next look finds it", async () => {
    const { before, run, delivery } = await approved();
    await expect(parts.through({ repository: commitsAfter(dies) }).approved(delivery(1))).rejects.toThrow();
    await parts.deployments.sweep();
    expect((await at.configs.get(at.forecaster))?.value.run_id).toBe(run);
    await reap(run);
    await parts.deployments.sweep();
    await expectRestored({ before, run });
    await parts.deployments.sweep();
    await expectRestored({ before, run });
  });
});

describe("a run that fails at its last delivery", () => {
  it("is tried again while its config is live, and ends deployed", async () => {
    const { run, delivery } = await approved();
    const failing = parts.through({ repository: commitsAfter(dies) });
    for (const deliveries of [MAX_DELIVERIES, MAX_DELIVERIES + 1])
      await expect(failing.approved(delivery(deliveries))).rejects.toMatchObject({ disposition: "retry" });
    expect(await at.context.bus.outcome(run, "deployment")).toBeUndefined();
    await parts.deployments.approved(delivery(MAX_DELIVERIES + 2));
    expect(await isDeployed(run)).toBe(true);
    expect((await at.configs.get(at.forecaster))?.value).toMatchObject({ run_id: run, version: 2 });
  });

  it("ends failed, with its message a dead letter, where nothing of it is live", async () => {
    const { before, run, delivery } = await approved();
    const failing = parts.through({
      configs: Object.assign(Object.create(parts.ports.configs) as LivePorts["configs"], { update: dies }),
    });
    await expect(failing.approved(delivery(MAX_DELIVERIES - 1))).rejects.toMatchObject({
      disposition: "retry",
    });
    await expect(failing.approved(delivery(MAX_DELIVERIES))).rejects.toMatchObject({
      disposition: "terminate",
    });
    expect(await published("failed", run, Failed)).toMatchObject({ cause: "the bus is away" });
    expect(await at.configs.get(at.forecaster)).toEqual(before);
  });
});
