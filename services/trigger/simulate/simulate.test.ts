import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { VirtualClock } from "../../../shared/clock.ts";
import type { Policy, SimulationReport, SimulationRequest } from "../../../shared/contracts/simulation.ts";
import type { Accepted, Evaluated, Refused } from "../../../shared/contracts/trigger.ts";
import { newEvent } from "../../../shared/events.ts";
import { TEST_TIME_MS } from "../../../test/support/context.ts";
import {
  applySpec,
  arbiter,
  context,
  dayAt,
  evaluations,
  forecaster,
  idle,
  nonEmpty,
  observe,
  publishStep,
  request,
  running,
  score,
  startTrigger,
  steps,
  until,
  useTrigger,
} from "../trigger.fixture.ts";
import { simulate } from "./simulate.ts";

useTrigger();

const EVERYTHING: SimulationRequest = { settings: [], mode: "what-if", retrain: false };

function parts() {
  const connection = { bus: context.bus, drain: async () => {} };
  return { dirs: context.dirs, version: "test", connect: async () => connection as never, say: () => {} };
}

/**
 * A first deployment, a degradation that starts a run, a request that passes its cool-down and one that meets a run,
 * a scheduled run.
 */
async function record(): Promise<void> {
  await applySpec({ trigger: { schedule: [{ cron: "0 3 22 1 *" }] }, search: { backtest: "15d" } });
  await startTrigger();
  await observe(0, 45);
  await accepted("first-deployment");
  await context.bus.kv("live-configs", z.unknown()).put(forecaster, { version: 1 });
  await passTo(20);
  await score(0, 66, () => 1);
  for (let day = 66; day < 80; day += 2) await score(day, day + 2, () => 3);
  await accepted("trigger");
  await request(JSON.stringify({ forecaster, requested_by: "ana", reason: "new data" }));
  await idle();
  await request(forecaster);
  await idle();
  await until(async () => nonEmpty(await steps<Refused>("refused")));
  await passTo(20.5);
  await finish(await accepted("manual", false));
  await passTo(22);
  await accepted("schedule");
  for (const each of running.splice(0)) await each.stop();
}

async function passTo(day: number): Promise<void> {
  await (context.clock as VirtualClock).advanceTo(TEST_TIME_MS + day * 86_400_000);
}

/** Waits for the run of this cause; unless told otherwise it ends at once. */
async function accepted(cause: Accepted["cause"], ends = true): Promise<string> {
  const [run] = await until(async () =>
    nonEmpty((await steps<Accepted>("accepted")).filter((each) => each.cause === cause)),
  );
  if (ends) await finish(run!.run_id);
  return run!.run_id;
}

async function finish(run: string): Promise<void> {
  for (const step of ["searched", "deployed", "verified"] as const) await publishStep(step, run);
  await until(async () => (await arbiter())?.active === null);
}

describe("retune simulate --verify", { timeout: 40_000 }, () => {
  it("makes every recorded decision again, to the last bit (A-TRG-4, K-6)", async () => {
    await record();
    const { decisions } = await simulate({ ...EVERYTHING, mode: "verify" }, parts());
    const answers = (await steps("accepted")).length + (await steps("refused")).length;
    expect(decisions).toHaveLength((await evaluations()).length + answers);
    expect(answers).toBeGreaterThanOrEqual(5);
    expect(decisions.filter(({ verdict }) => verdict !== "reproduced")).toEqual([]);
  });

  it("tells a decision that was tampered with from the others, and names the field", async () => {
    await applySpec();
    await context.bus.kv("live-configs", z.unknown()).put(forecaster, { version: 1 });
    await startTrigger();
    await score(0, 60, () => 1);
    const [honest] = await until(async () => nonEmpty(await evaluations()));
    for (const each of running.splice(0)) await each.stop();
    const forged = structuredClone(honest) as Evaluated;
    forged.detectors[0]!.figures.rmse_recent = 0.5;
    const event = newEvent({
      source: "forger",
      type: "dev.retune.retrain.evaluated",
      subject: forecaster,
      timeMs: Date.parse(dayAt(60)),
      data: forged,
    });
    await context.bus.publishEvent(`retrain.evaluated.${forecaster}`, event);
    const { decisions } = await simulate({ ...EVERYTHING, mode: "verify" }, parts());
    const evaluated = decisions.filter(({ subject }) => subject.startsWith("retrain.evaluated."));
    expect(evaluated.map(({ verdict }) => verdict)).toEqual(["reproduced", "different"]);
    expect(evaluated[1]!.detail).toBe("detectors.0.figures.rmse_recent: recorded 0.5, made again 1");
  });
});

describe("retune simulate --file", () => {
  it("needs specs and observations alone: no NATS, no recording", async () => {
    const folder = join(context.dirs.configs, "forecasters");
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, "weekly.yaml"),
      "forecaster: weekly\nseries: weekly\nhorizon: 2d\nseason_length: 7\nmodel: {family: seasonal-naive}\n",
    );
    const rows = Array.from({ length: 120 }, (_, day) => `${dayAt(day)},${day % 7}`);
    const file = join(folder, "weekly.csv");
    await writeFile(file, ["ts,value", ...rows].join("\n"));
    const connect = () => Promise.reject(new Error("nobody should connect"));
    const report = await simulate({ ...EVERYTHING, file }, { ...parts(), connect });
    expect(report.retrained).toBe(true);
    const [{ policies }] = report.forecasters as [SimulationReport["forecasters"][number]];
    expect(policies.map(({ policy }) => policy)).toEqual(["configured", "never", "nightly", "weekly"]);
    for (const { served } of policies) expect(served).toMatchObject({ basis: "simulated", rmse: 0 });
  });

  it("has nothing to verify", async () => {
    await expect(simulate({ ...EVERYTHING, mode: "verify", file: "x.csv" }, parts())).rejects.toThrow(
      /--verify needs recorded decisions, a file has none/,
    );
  });
});

describe("retune simulate", { timeout: 40_000 }, () => {
  it("puts what other settings would have done beside what happened, and marks what was never observed", async () => {
    await record();
    const report = await simulate(
      {
        ...EVERYTHING,
        settings: ["performance", "drift", "time"].map((each) => `trigger.${each}.enabled=false`),
      },
      parts(),
    );
    expect(report.forecasters.map((each) => each.forecaster)).toEqual([forecaster]);
    const by = new Map(report.forecasters[0]!.policies.map((each) => [each.policy, each]));
    expect([...by.keys()]).toEqual(["recorded", "configured", "changed", "never", "nightly", "weekly"]);
    expect(by.get("recorded")!.served).toEqual({ rmse: expect.any(Number), scores: 160, basis: "observed" });
    expect(by.get("changed")!.served.basis).toBe("assumed");
    expect(by.get("changed")!.diverged_at).not.toBeNull();
    // What is refused depends on what came first of what this test lets happen at the same instant.
    const { refused: _, ...recorded } = by.get("recorded")!;
    expect(by.get("configured")).toMatchObject({ ...recorded, policy: "configured" });
    const causes = (policy: Policy) => by.get(policy)!.runs.map(({ cause }) => cause);
    expect(causes("recorded")).toEqual(["first-deployment", "trigger", "manual", "schedule"]);
    expect(causes("changed")).toEqual(["first-deployment", "manual", "schedule"]);
    expect(causes("never")).toEqual(["first-deployment", "manual"]);
    expect(by.get("never")!.alarms).toBe(1);
  });

  it.each([
    [{ forecasters: ["nobody"] }, /no forecaster is called 'nobody'; known: f-/],
    [{ settings: ["trigger.cooldown=soon"] }, /with trigger.cooldown="soon": field 'trigger.cooldown'/],
    [{ from: "2025-02-01T00:00:00Z", to: "2025-01-01T00:00:00Z" }, /expected --from to be earlier/],
    [{ history: "/nowhere" }, /'\/nowhere' holds no history/],
  ])("refuses %j by name", async (asked, told) => {
    await applySpec();
    await expect(simulate({ ...EVERYTHING, ...asked }, parts())).rejects.toThrow(told);
  });
});
