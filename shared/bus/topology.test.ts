import { jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestNats, type TestNats } from "../../test/support/nats.ts";
import { provision, TopologyMismatchError, topology } from "./topology.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await startTestNats();
});
afterAll(() => nats.stop());

describe("the topology", () => {
  it("is refused where it is missing and may not be created, created once, and found equal ever after", async () => {
    const nc = await connect({ servers: nats.url });
    await expect(provision(nc, { replicas: 1, create: false })).rejects.toThrow(
      /TELEMETRY does not exist; run 'retune provision'/,
    );
    expect((await provision(nc, { replicas: 1, create: true })).every(({ created }) => created)).toBe(true);
    expect((await provision(nc, { replicas: 1, create: false })).some(({ created }) => created)).toBe(false);
    await nc.drain();
  });

  it("is refused where the server keeps something else, with every difference named", async () => {
    const nc = await connect({ servers: nats.url });
    const jsm = await jetstreamManager(nc);
    await jsm.streams.delete("TRIALS");
    await jsm.streams.add({ name: "TRIALS", subjects: ["trial.>"], storage: StorageType.Memory });
    const provisioning = provision(nc, { replicas: 1, create: true });
    await expect(provisioning).rejects.toThrow(TopologyMismatchError);
    await expect(provisioning).rejects.toThrow(
      /TRIALS\.storage is "memory", expected "file"; TRIALS\.retention is "limits", expected "workqueue"/,
    );
    await nc.drain();
  });

  it("keeps the audit log without any limit that could reopen a once-only guard (K-6)", () => {
    const decisions = topology(1).find(({ name }) => name === "DECISIONS");
    expect(decisions).toMatchObject({
      deny_delete: true,
      deny_purge: true,
      max_age: 0,
      max_msgs: -1,
      max_bytes: -1,
      max_msgs_per_subject: -1,
    });
  });
});
