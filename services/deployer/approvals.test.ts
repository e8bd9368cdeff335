import { describe, expect, it } from "vitest";
import { Deployed } from "../../shared/contracts/deployer.ts";
import { CloudEvent } from "../../shared/contracts/envelope.ts";
import { subjects } from "../../shared/contracts/subjects.ts";
import type { Validated } from "../../shared/contracts/validator.ts";
import { newUuidV7 } from "../../shared/ids.ts";
import { approval } from "./deployer.fixture.ts";
import { useDeployer } from "./harness.fixture.ts";

const { at, start, publish, published } = useDeployer();

const RunOnly = Deployed.pick({ run_id: true });

describe("a held run (deployer.approve)", () => {
  const held = async () => {
    const event = approval(undefined, { forecaster: at.forecaster, next_stage: "deployment" });
    await publish("held", { ...event, type: "dev.retune.retrain.held" });
    return event.data.run_id;
  };
  const approve = (request: object) => at.context.bus.request("deployer.approve", request, RunOnly);

  it("is deployed once a person approves it, whose name the receipt keeps", async () => {
    await start();
    const run = await held();
    await approve({ run, by: "ana", note: "looks right" });
    expect(await published("deployed", run, Deployed)).toMatchObject({ success: true });
    const message = await at.context.bus.lastMessage(
      "DECISIONS",
      subjects.step("approved", at.forecaster, run),
    );
    expect(CloudEvent.parse(message?.json()).data as Validated).toMatchObject({
      next_stage: "deployment",
      evidence: { decided_by: "ana", note: "looks right" },
    });
    await expect(approve({ run, by: "bob", approve: false })).rejects.toThrow(
      `run ${run} was approved by ana before`,
    );
  });

  it("ends rejected on a no", async () => {
    await start();
    const run = await held();
    await approve({ run, by: "ana", approve: false });
    expect(
      await at.context.bus.lastMessage("DECISIONS", subjects.step("rejected", at.forecaster, run)),
    ).toBeDefined();
  });

  it("must exist, and the request must be whole", async () => {
    await start();
    const run = newUuidV7();
    await expect(approve({ run, by: "ana" })).rejects.toThrow(`run ${run} is not held`);
    await expect(approve({ run })).rejects.toThrow("field 'by'");
  });
});
