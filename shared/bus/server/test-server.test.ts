import { existsSync } from "node:fs";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { startTestNats, type TestNats } from "../../../test/support/nats.ts";
import { startNatsContainer } from "../../../test/support/nats-container.ts";

/** Publishes one message and counts what the stream holds. */
async function publish(nats: TestNats): Promise<number> {
  const connection = await connect({ servers: nats.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "KEPT", subjects: ["kept"] });
  await jetstream(connection).publish("kept");
  const { state } = await manager.streams.info("KEPT");
  await connection.close();
  return state.messages;
}

/** What every test server promises, wherever it comes from. */
async function keepsItsPromises(nats: TestNats): Promise<void> {
  const { url } = nats;
  expect(await publish(nats)).toBe(1);
  await nats.restart();
  expect(await publish(nats)).toBe(2);
  await nats.kill9AndRestart();
  expect(await publish(nats)).toBe(3);
  expect(nats.url).toBe(url);
  expect(nats.version).toMatch(/^2\.\d+\.\d+/);
}

describe("a test server", () => {
  it("keeps address and streams over a restart and over SIGKILL, and leaves nothing behind", async () => {
    const nats = await startTestNats();
    await keepsItsPromises(nats);
    await nats.stop();
    expect(existsSync(nats.storeDir)).toBe(false);
    await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow();
  });

  it("has a store of its own beside others", async () => {
    await using one = await startTestNats();
    await using two = await startTestNats();
    await publish(one);
    expect(await publish(two)).toBe(1);
  });

  // Docker is optional; without it the container path cannot run at all.
  it.runIf(process.env.RETUNE_TEST_DOCKER === "1")(
    "comes from Docker with the same promises (RETUNE_TEST_DOCKER=1)",
    async () => {
      await using nats = await startNatsContainer();
      await keepsItsPromises(nats);
    },
    120_000,
  );
});
